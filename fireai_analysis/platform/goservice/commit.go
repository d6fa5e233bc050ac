package main

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"fireai/goservice/crdt"
)

// claimKeys inserts the keys, or waits until a transaction that holds one ends and then leaves that one alone.
// Keys come sorted, so that two transactions cannot wait for each other.
const claimKeys = `
INSERT INTO idempotency_keys (key_hash, user_id, endpoint, request_hash, expires_at)
SELECT claim.key, claim.owner, $3, claim.request, now() + interval '24 hours'
FROM unnest($1::text[], $2::uuid[], $4::text[]) AS claim (key, owner, request)
ON CONFLICT (key_hash) DO NOTHING`

const storedAnswers = `
SELECT key_hash, request_hash, status_code, response_data::text
FROM idempotency_keys WHERE key_hash = ANY ($1::bpchar[]) AND status_code IS NOT NULL`

const lockSession = `SELECT 1 FROM test_sessions WHERE id = $1 FOR NO KEY UPDATE`

// touchedState reads of the locked session only what the writes refer to.
const touchedState = `
SELECT
  (SELECT jsonb_object_agg(k, vector_clock -> k) FROM unnest($2::text[]) k WHERE vector_clock ? k),
  (SELECT jsonb_object_agg(k, elements -> k) FROM unnest($3::text[]) k WHERE elements ? k),
  (SELECT jsonb_object_agg(k, register_stamps -> k) FROM unnest($4::text[]) k WHERE register_stamps ? k),
  (SELECT jsonb_object_agg(k, counters -> k) FROM unnest($5::text[]) k WHERE counters ? k)
FROM (SELECT vector_clock, register_stamps, session_data -> 'elements' AS elements, session_data -> 'counters' AS counters
      FROM test_sessions WHERE id = $1 OFFSET 0) AS session`

// storeMerged lays the patch over the session and stores the answer with its keys; what is answered is what was
// stored. A document that does not change is not rewritten.
const storeMerged = `
WITH merged AS (
  UPDATE test_sessions SET
    vector_clock = vector_clock || $2::jsonb,
    register_stamps = register_stamps || $5::jsonb,
    session_data = CASE
      WHEN NOT $8::boolean THEN session_data
      ELSE session_data || jsonb_build_object(
        'elements', (session_data -> 'elements') || $3::jsonb, 'hot', (session_data -> 'hot') || $4::jsonb,
        'counters', (session_data -> 'counters') || $9::jsonb)
    END,
    updated_at = $6
  WHERE id = $1 RETURNING vector_clock),
reply AS MATERIALIZED (
  SELECT jsonb_build_object('session_id', $1::uuid, 'status', 'merged', 'vector_clock', vector_clock,
    'processed_at', $6::timestamptz) AS body FROM merged),
answered AS (
  UPDATE idempotency_keys SET status_code = 200, response_data = reply.body FROM reply
  WHERE key_hash = ANY ($7::bpchar[]))
SELECT body::text FROM reply`

const storeRefusal = `UPDATE idempotency_keys SET status_code = $2, response_data = $3 WHERE key_hash = $1 RETURNING response_data::text`

// batch is one transaction on one session.
type batch struct {
	writes []*write
	patch  *crdt.Patch
	merged []*write
	times  parts
}

// commitWrites merges writes to one session in one transaction and answers each. Where the database refuses the data,
// each write is tried alone, so that none suffers for another.
func (s *service) commitWrites(ctx context.Context, writes []*write) {
	work := &batch{writes: writes, patch: crdt.NewPatch(), times: parts{start: time.Now()}}
	err := s.transact(ctx, work)
	if err != nil && len(writes) > 1 && isDataError(err) {
		for _, alone := range writes {
			s.commitWrites(ctx, []*write{alone})
		}
		return
	}
	for _, asked := range writes {
		asked.batch = work
		if err != nil {
			asked.err = err
		}
		close(asked.done)
	}
}

func isDataError(err error) bool {
	var database *pgconn.PgError
	return errors.As(err, &database) && strings.HasPrefix(database.Code, "22")
}

func (s *service) transact(ctx context.Context, work *batch) error {
	connection, err := s.acquire(ctx, &work.times)
	if err != nil {
		return err
	}
	defer release(connection)
	state, err := work.begin(ctx, connection)
	if err != nil {
		return err
	}
	started := time.Now()
	refused := work.merge(state)
	work.times.crdt = time.Since(started)
	return work.store(ctx, connection, refused)
}

// begin opens the transaction in one round trip: keys claimed, used ones answered, session locked, state read.
func (b *batch) begin(ctx context.Context, connection *pgxpool.Conn) (crdt.State, error) {
	defer b.times.database(time.Now())
	keys, users, requests := b.claims()
	touched := b.touched()
	session := b.writes[0].session
	queries := &pgx.Batch{}
	queries.Queue("begin")
	queries.Queue(claimKeys, keys, users, resultsEndpoint, requests)
	queries.Queue(storedAnswers, keys).Query(b.replay)
	queries.Queue(lockSession, session).Exec(func(found pgconn.CommandTag) error {
		if found.RowsAffected() == 0 {
			return &problem{http.StatusNotFound, "unknown_session", "the session does not exist"}
		}
		return nil
	})
	state := crdt.State{}
	lists := []any{session, touched.Nodes, touched.Elements, touched.Registers, touched.Counters}
	queries.Queue(touchedState, lists...).QueryRow(func(row pgx.Row) error {
		return row.Scan(&state.Clock, &state.Elements, &state.Stamps, &state.Counters)
	})
	return state, connection.SendBatch(ctx, queries).Close()
}

func (b *batch) claims() (keys, users, requests []string) {
	sorted := slices.SortedFunc(slices.Values(b.writes), func(x, y *write) int { return strings.Compare(x.key, y.key) })
	for _, asked := range sorted {
		keys, users, requests = append(keys, asked.key), append(users, asked.user), append(requests, asked.requestHash)
	}
	return keys, users, requests
}

func (b *batch) touched() crdt.Keys {
	all := crdt.Keys{}
	for _, asked := range b.writes {
		keys := asked.Keys()
		all.Nodes = append(all.Nodes, keys.Nodes...)
		all.Elements = append(all.Elements, keys.Elements...)
		all.Registers = append(all.Registers, keys.Registers...)
		all.Counters = append(all.Counters, keys.Counters...)
	}
	return all
}

// replay answers the writes whose keys were used before.
func (b *batch) replay(rows pgx.Rows) error {
	used := map[string]stored{}
	for rows.Next() {
		var key string
		var row stored
		if err := rows.Scan(&key, &row.requestHash, &row.status, &row.body); err != nil {
			return err
		}
		used[key] = row
	}
	for _, asked := range b.writes {
		if row, found := used[asked.key]; found {
			asked.answer, asked.err = row.replay(asked.requestHash)
		} else {
			b.merged = append(b.merged, asked)
		}
	}
	return rows.Err()
}

// merge merges the writes that are new in order of arrival and returns those that conflict.
func (b *batch) merge(state crdt.State) (refused []*write) {
	var fresh []*write
	for _, asked := range b.merged {
		if err := b.patch.Merge(state, asked.Write); err != nil {
			asked.answer = errorAnswer(&problem{http.StatusConflict, "conflict", err.Error()})
			refused = append(refused, asked)
			continue
		}
		fresh = append(fresh, asked)
	}
	b.merged, b.times.joined = fresh, true
	return refused
}

// store writes patch and answers and ends the transaction, in one round trip.
func (b *batch) store(ctx context.Context, connection *pgxpool.Conn, refused []*write) error {
	defer b.times.database(time.Now())
	queries := &pgx.Batch{}
	for _, asked := range refused {
		queries.Queue(storeRefusal, asked.key, asked.answer.status, json.RawMessage(asked.answer.body)).QueryRow(asked.scanBody)
	}
	if len(b.merged) > 0 {
		keys := make([]string, len(b.merged))
		for i, asked := range b.merged {
			keys[i] = asked.key
		}
		patch := b.patch
		queries.Queue(storeMerged, b.merged[0].session, patch.Clock, patch.Elements, patch.Hot, patch.Stamps,
			time.Now().UTC(), keys, patch.ChangesDocument(), patch.Counters).QueryRow(b.answerMerged)
	}
	queries.Queue("commit")
	return connection.SendBatch(ctx, queries).Close()
}

func (b *batch) answerMerged(row pgx.Row) error {
	var body []byte
	err := row.Scan(&body)
	for _, asked := range b.merged {
		asked.answer = answer{http.StatusOK, body}
	}
	return err
}

func (w *write) scanBody(row pgx.Row) error { return row.Scan(&w.answer.body) }

// release gives a connection back without an open transaction; one that cannot be rolled back is closed by the pool.
func release(connection *pgxpool.Conn) {
	if connection.Conn().PgConn().TxStatus() != 'I' {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		_, _ = connection.Exec(ctx, "rollback")
	}
	connection.Release()
}

package main

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"fireai/goservice/crdt"
)

const lockSession = `SELECT 1 FROM test_sessions WHERE id = $1 FOR NO KEY UPDATE`

// touchedState reads of the locked session only what the write refers to.
const touchedState = `
SELECT
  (SELECT jsonb_object_agg(k, vector_clock -> k) FROM unnest($2::text[]) k WHERE vector_clock ? k),
  (SELECT jsonb_object_agg(k, session_data -> 'elements' -> k) FROM unnest($3::text[]) k
    WHERE session_data -> 'elements' ? k),
  (SELECT jsonb_object_agg(k, register_stamps -> k) FROM unnest($4::text[]) k WHERE register_stamps ? k)
FROM test_sessions WHERE id = $1`

// storeMerged lays the patch over the session and stores the answer with its key; the answer is what was stored.
// A part of the document that does not change is not rewritten.
const storeMerged = `
WITH merged AS (
  UPDATE test_sessions SET
    vector_clock = vector_clock || $2::jsonb,
    register_stamps = register_stamps || $5::jsonb,
    session_data = CASE
      WHEN $3::jsonb = '{}' AND $4::jsonb = '{}' THEN session_data
      WHEN $4::jsonb = '{}' THEN jsonb_set(session_data, '{elements}', (session_data -> 'elements') || $3::jsonb)
      WHEN $3::jsonb = '{}' THEN jsonb_set(session_data, '{hot}', (session_data -> 'hot') || $4::jsonb)
      ELSE session_data || jsonb_build_object(
        'elements', (session_data -> 'elements') || $3::jsonb, 'hot', (session_data -> 'hot') || $4::jsonb)
    END,
    updated_at = $6
  WHERE id = $1 RETURNING vector_clock)
UPDATE idempotency_keys SET status_code = 200, response_data = jsonb_build_object(
  'session_id', $1::uuid, 'status', 'merged', 'vector_clock', merged.vector_clock, 'processed_at', $6::timestamptz)
FROM merged WHERE key_hash = $7 RETURNING response_data::text`

// write is a checked CRDT write on its way through one transaction.
type write struct {
	crdt.Write
	session          uuid.UUID
	user             string
	key, requestHash string
	nodes, elements  []string
	registers        []string
}

// results merges a CRDT write into its session: key, lock, merge and answer in one transaction.
func (s *service) results(r *http.Request, times *parts) (answer, error) {
	asked, err := readWrite(r)
	if err != nil {
		return answer{}, err
	}
	connection, err := s.acquire(r.Context(), times)
	if err != nil {
		return answer{}, err
	}
	defer release(connection)
	held, state, err := begin(r.Context(), connection, asked, times)
	if err != nil {
		return answer{}, err
	}
	if held != nil {
		return held.replay(asked.requestHash)
	}
	started := time.Now()
	patch, err := crdt.Merge(state, asked.Write)
	times.crdt, times.joined = time.Since(started), true
	if errors.Is(err, crdt.ErrConflict) {
		return answer{}, &problem{http.StatusConflict, "conflict", err.Error()}
	}
	if err != nil {
		return answer{}, err
	}
	return commit(r.Context(), connection, asked, patch, times)
}

// release gives a connection back without an open transaction; one that cannot be rolled back is closed by the pool.
func release(connection *pgxpool.Conn) {
	if connection.Conn().PgConn().TxStatus() != 'I' {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		_, _ = connection.Exec(ctx, "rollback")
	}
	connection.Release()
}

func readWrite(r *http.Request) (write, error) {
	body, err := io.ReadAll(http.MaxBytesReader(nil, r.Body, maxJSONBytes))
	if err != nil {
		return write{}, err
	}
	canonical, err := crdt.Canonical(body)
	if err != nil {
		return write{}, &problem{http.StatusBadRequest, "bad_json", "the body is not JSON"}
	}
	asked := write{user: r.Header.Get(userHeader)}
	if err := json.Unmarshal(body, &asked.Write); err != nil {
		return write{}, &problem{http.StatusUnprocessableEntity, "bad_write", "the body is not a CRDT write"}
	}
	if asked.session, err = uuid.Parse(r.PathValue("session_id")); err != nil {
		return write{}, &problem{http.StatusUnprocessableEntity, "bad_session", "the session id is not a UUID"}
	}
	if named, err := uuid.Parse(asked.SessionID); err != nil || named != asked.session {
		return write{}, &problem{http.StatusUnprocessableEntity, "other_session", "session_id differs from the path"}
	}
	if err := asked.Check(); err != nil {
		return write{}, &problem{http.StatusUnprocessableEntity, "bad_write", err.Error()}
	}
	asked.key = keyHash(asked.IdempotencyKey)
	asked.requestHash = digest("results", asked.session.String(), asked.user, string(canonical))
	asked.nodes, asked.elements, asked.registers = asked.Keys()
	return asked, nil
}

// begin opens the transaction in one round trip. It returns the stored row of a key that was used before, or the
// state that the write meets, the session being locked.
func begin(ctx context.Context, connection *pgxpool.Conn, asked write, times *parts) (*stored, crdt.State, error) {
	defer times.database(time.Now())
	batch := &pgx.Batch{}
	batch.Queue("begin")
	batch.Queue(claimKey, asked.key, asked.user, "/v1/tests/sessions/{session_id}/results", asked.requestHash)
	batch.Queue(storedAnswer, asked.key)
	batch.Queue(lockSession, asked.session)
	batch.Queue(touchedState, asked.session, asked.nodes, asked.elements, asked.registers)
	replies := connection.SendBatch(ctx, batch)
	defer replies.Close()
	if _, err := replies.Exec(); err != nil {
		return nil, crdt.State{}, err
	}
	claimed, err := replies.Exec()
	if err != nil {
		return nil, crdt.State{}, err
	}
	row := &stored{}
	if err := replies.QueryRow().Scan(&row.requestHash, &row.status, &row.body); err != nil {
		return nil, crdt.State{}, err
	}
	if claimed.RowsAffected() == 0 {
		return row, crdt.State{}, nil
	}
	locked, err := replies.Exec()
	if err == nil && locked.RowsAffected() == 0 {
		err = &problem{http.StatusNotFound, "unknown_session", "the session does not exist"}
	}
	if err != nil {
		return nil, crdt.State{}, err
	}
	state := crdt.State{}
	err = replies.QueryRow().Scan(&state.Clock, &state.Elements, &state.Stamps)
	return nil, state, err
}

// commit stores the patch and the answer and ends the transaction, in one round trip.
func commit(ctx context.Context, connection *pgxpool.Conn, asked write, patch crdt.Patch, times *parts) (answer, error) {
	defer times.database(time.Now())
	batch := &pgx.Batch{}
	batch.Queue(storeMerged, asked.session, patch.Clock, patch.Elements, patch.Hot, patch.Stamps, time.Now().UTC(), asked.key)
	batch.Queue("commit")
	replies := connection.SendBatch(ctx, batch)
	defer replies.Close()
	var body string
	if err := replies.QueryRow().Scan(&body); err != nil {
		return answer{}, err
	}
	if _, err := replies.Exec(); err != nil {
		return answer{}, err
	}
	return answer{http.StatusOK, []byte(body)}, replies.Close()
}

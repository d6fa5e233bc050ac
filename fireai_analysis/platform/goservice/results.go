package main

import (
	"encoding/json"
	"io"
	"net/http"
	"time"

	"github.com/google/uuid"

	"fireai/goservice/crdt"
)

const resultsEndpoint = "/v1/tests/sessions/{session_id}/results"

// write is a checked CRDT write on its way; its answer stands when done is closed.
type write struct {
	crdt.Write
	session          uuid.UUID
	user             string
	key, requestHash string
	arrived          time.Time
	done             chan struct{}
	answer           answer
	err              error
	batch            *batch
}

// results has a CRDT write merged into its session and waits for the commit.
func (s *service) results(r *http.Request, times *parts) (answer, error) {
	asked, err := readWrite(r)
	if err != nil {
		return answer{}, err
	}
	s.writers.submit(asked)
	select {
	case <-asked.done:
		times.take(asked)
		return asked.answer, asked.err
	case <-r.Context().Done():
		return answer{}, r.Context().Err()
	}
}

// take books the times of the batch that a write was part of; waiting for earlier writes to the session is merging.
func (p *parts) take(done *write) {
	p.pool, p.pooled = done.batch.times.pool, done.batch.times.pooled
	p.db, p.asked = done.batch.times.db, done.batch.times.asked
	p.crdt, p.joined = done.batch.times.start.Sub(done.arrived)+done.batch.times.crdt, true
}

func readWrite(r *http.Request) (*write, error) {
	body, err := io.ReadAll(http.MaxBytesReader(nil, r.Body, maxJSONBytes))
	if err != nil {
		return nil, err
	}
	canonical, err := crdt.Canonical(body)
	if err != nil {
		return nil, &problem{http.StatusBadRequest, "bad_json", "the body is not JSON"}
	}
	asked := &write{user: r.Header.Get(userHeader), arrived: time.Now(), done: make(chan struct{})}
	if err := json.Unmarshal(body, &asked.Write); err != nil {
		return nil, &problem{http.StatusUnprocessableEntity, "bad_write", "the body is not a CRDT write"}
	}
	if asked.session, err = uuid.Parse(r.PathValue("session_id")); err != nil {
		return nil, &problem{http.StatusUnprocessableEntity, "bad_session", "the session id is not a UUID"}
	}
	if named, err := uuid.Parse(asked.SessionID); err != nil || named != asked.session {
		return nil, &problem{http.StatusUnprocessableEntity, "other_session", "session_id differs from the path"}
	}
	if err := asked.Check(); err != nil {
		return nil, &problem{http.StatusUnprocessableEntity, "bad_write", err.Error()}
	}
	asked.key = keyHash(asked.IdempotencyKey)
	asked.requestHash = digest("results", asked.session.String(), asked.user, string(canonical))
	return asked, nil
}

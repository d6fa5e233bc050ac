package main

import (
	"errors"
	"net/http"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
)

// sessionState is read in one statement, so that document and clock belong together. FastAPI asks the same.
const sessionState = `
SELECT jsonb_build_object('session_id', id, 'session_data', session_data, 'vector_clock', vector_clock)::text
FROM test_sessions WHERE id = $1`

// session answers with document and clock of a session as they are committed. Reads are not counted: they observe.
func (s *service) session(r *http.Request, times *parts) (answer, error) {
	id, err := uuid.Parse(r.PathValue("session_id"))
	if err != nil {
		return answer{}, &problem{http.StatusUnprocessableEntity, "bad_session", "the session id is not a UUID"}
	}
	connection, err := s.acquire(r.Context(), times)
	if err != nil {
		return answer{}, err
	}
	defer connection.Release()
	defer times.database(time.Now())
	var body []byte
	err = connection.QueryRow(r.Context(), sessionState, id).Scan(&body)
	if errors.Is(err, pgx.ErrNoRows) {
		return answer{}, &problem{http.StatusNotFound, "unknown_session", "the session does not exist"}
	}
	return answer{http.StatusOK, body}, err
}

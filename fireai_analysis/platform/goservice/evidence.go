package main

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"mime/multipart"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
)

const (
	maxEvidenceBytes = 32 << 20
	maxFieldBytes    = 4 << 10
)

// storeEvidence claims the key and stores evidence and answer in one statement; no row means that the key was used.
const storeEvidence = `
WITH claimed AS (
  INSERT INTO idempotency_keys (key_hash, user_id, endpoint, request_hash, response_data, status_code, expires_at)
  VALUES ($1, $2, '/v1/evidence', $3, $4, 201, now() + interval '24 hours')
  ON CONFLICT (key_hash) DO NOTHING RETURNING response_data::text),
added AS (
  INSERT INTO evidence (id, session_id, evidence_type, file_path, metadata, checksum)
  SELECT $5, $6, $7, $8, $9, $10 FROM claimed)
SELECT response_data FROM claimed`

// upload is a checked multipart form whose file lies in the evidence directory under its hash.
type upload struct {
	session                uuid.UUID
	kind, hash, name, path string
	size                   int64
}

// evidence stores a file whose hash was announced.
func (s *service) evidence(r *http.Request, times *parts) (answer, error) {
	key := r.Header.Get("Idempotency-Key")
	if key == "" || len(key) > 200 {
		return answer{}, &problem{http.StatusBadRequest, "no_key", "the header Idempotency-Key is needed"}
	}
	form, err := s.receive(r)
	if err != nil {
		return answer{}, err
	}
	user, id := r.Header.Get(userHeader), uuid.New()
	requestHash := digest("evidence", user, form.session.String(), form.kind, form.hash)
	reply := map[string]any{"evidence_id": id, "hash": form.hash, "status": "stored"}
	metadata := map[string]any{"size_bytes": form.size, "file_name": form.name, "uploaded_by": user}
	connection, err := s.acquire(r.Context(), times)
	if err != nil {
		return answer{}, err
	}
	defer connection.Release()
	defer times.database(time.Now())
	var body string
	err = connection.QueryRow(r.Context(), storeEvidence, keyHash(key), user, requestHash, reply,
		id, form.session, form.kind, form.path, metadata, form.hash).Scan(&body)
	if errors.Is(err, pgx.ErrNoRows) {
		row := stored{}
		err = connection.QueryRow(r.Context(), storedAnswer, keyHash(key)).Scan(&row.requestHash, &row.status, &row.body)
		if err != nil {
			return answer{}, err
		}
		return row.replay(requestHash)
	}
	return answer{http.StatusCreated, []byte(body)}, err
}

// receive reads the form part by part; the file is hashed while it is written and kept only if its hash is right.
func (s *service) receive(r *http.Request) (upload, error) {
	r.Body = http.MaxBytesReader(nil, r.Body, maxEvidenceBytes)
	reader, err := r.MultipartReader()
	if err != nil {
		return upload{}, &problem{http.StatusBadRequest, "not_multipart", "a multipart form is expected"}
	}
	fields, form, temporary := map[string]string{}, upload{}, ""
	defer func() {
		if temporary != "" {
			_ = os.Remove(temporary)
		}
	}()
	for {
		part, err := reader.NextPart()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return upload{}, badForm(err)
		}
		if part.FormName() == "file" && temporary == "" {
			form.name = part.FileName()
			temporary, form.hash, form.size, err = s.keep(part)
		} else {
			fields[part.FormName()], err = readField(part)
		}
		if err != nil {
			return upload{}, badForm(err)
		}
	}
	if temporary == "" {
		return upload{}, &problem{http.StatusBadRequest, "no_file", "the form has no file"}
	}
	if !strings.EqualFold(fields["sha256_hash"], form.hash) {
		return upload{}, &problem{http.StatusBadRequest, "hash_mismatch", "sha256_hash is not the hash of the file"}
	}
	form.session, err = uuid.Parse(fields["session_id"])
	form.kind = fields["evidence_type"]
	if err != nil || form.kind == "" {
		return upload{}, &problem{http.StatusBadRequest, "incomplete", "session_id and evidence_type are needed"}
	}
	form.path = filepath.Join(s.evidenceDir, form.hash)
	return form, os.Rename(temporary, form.path)
}

// keep writes a file part to the evidence directory under a temporary name and returns its hash and size.
func (s *service) keep(part *multipart.Part) (path, hash string, size int64, err error) {
	file, err := os.CreateTemp(s.evidenceDir, "incoming-")
	if err != nil {
		return "", "", 0, err
	}
	sum := sha256.New()
	size, err = io.Copy(io.MultiWriter(file, sum), part)
	return file.Name(), hex.EncodeToString(sum.Sum(nil)), size, errors.Join(err, file.Close())
}

func readField(part *multipart.Part) (string, error) {
	text, err := io.ReadAll(io.LimitReader(part, maxFieldBytes))
	return string(text), err
}

// badForm tells a broken form from a disk or size problem.
func badForm(err error) error {
	var tooLarge *http.MaxBytesError
	var disk *os.PathError
	if errors.As(err, &tooLarge) || errors.As(err, &disk) {
		return err
	}
	return &problem{http.StatusBadRequest, "bad_form", "the multipart form is broken"}
}

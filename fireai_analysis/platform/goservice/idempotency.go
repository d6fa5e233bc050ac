package main

import (
	"crypto/sha256"
	"encoding/hex"
	"io"
	"net/http"
)

const storedAnswer = `SELECT request_hash, status_code, response_data::text FROM idempotency_keys WHERE key_hash = $1`

// stored is the row of a key that was used.
type stored struct {
	requestHash string
	status      int
	body        string
}

// replay gives the stored answer, byte for byte, or refuses a key that was used for another request.
func (s stored) replay(requestHash string) (answer, error) {
	if s.requestHash != requestHash {
		return answer{}, &problem{http.StatusUnprocessableEntity, "key_reused",
			"the idempotency key was used for another request"}
	}
	return answer{s.status, []byte(s.body)}, nil
}

// digest hashes texts so that no two lists of texts meet.
func digest(texts ...string) string {
	sum := sha256.New()
	for _, text := range texts {
		_, _ = io.WriteString(sum, text)
		_, _ = sum.Write([]byte{0})
	}
	return hex.EncodeToString(sum.Sum(nil))
}

func keyHash(key string) string {
	sum := sha256.Sum256([]byte(key))
	return hex.EncodeToString(sum[:])
}

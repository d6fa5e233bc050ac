package main

import (
	"net/http"

	"github.com/golang-jwt/jwt/v5"
	"github.com/google/uuid"
)

const (
	tokenHeader = "X-Internal-Authorization"
	userHeader  = "X-User-ID"
	doorHeader  = "X-Fireai-Proxied-By" // set by FastAPI on what it hands on
)

var tokenParser = jwt.NewParser(
	jwt.WithValidMethods([]string{"HS256"}),
	jwt.WithIssuer("fastapi"),
	jwt.WithAudience("go-service"),
	jwt.WithExpirationRequired(),
)

// authenticated lets through requests with a valid internal token and a user id.
func (s *service) authenticated(next handler) handler {
	return func(r *http.Request, times *parts) (answer, error) {
		claims := jwt.RegisteredClaims{}
		_, err := tokenParser.ParseWithClaims(r.Header.Get(tokenHeader), &claims,
			func(*jwt.Token) (any, error) { return s.secret, nil })
		if err != nil {
			return answer{}, &problem{http.StatusUnauthorized, "bad_token", tokenHeader + " is missing or not valid"}
		}
		if uuid.Validate(r.Header.Get(userHeader)) != nil {
			return answer{}, &problem{http.StatusBadRequest, "bad_user", userHeader + " must be a UUID"}
		}
		return next(r, times)
	}
}

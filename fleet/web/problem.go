package web

import (
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/assaytls/assay/finding"
	"github.com/assaytls/assay/fleet/alert"
	"github.com/assaytls/assay/fleet/watch"
	"github.com/assaytls/assay/internal/target"
)

// Problem is an error as a client gets it, application/problem+json (RFC 9457). Its
// texts are quoted and bounded.
type Problem struct {
	Type   string   `json:"type"`             // "about:blank": the status says what kind it is
	Title  string   `json:"title"`            // the status in words
	Status int      `json:"status"`           // of HTTP
	Detail string   `json:"detail,omitempty"` // what is wrong with this request
	Hints  []string `json:"hints,omitempty"`  // what to do
	retry  time.Duration
}

// Error is the detail.
func (p *Problem) Error() string { return p.Detail }

func problem(status int, detail string, hints ...string) *Problem {
	return &Problem{Type: "about:blank", Title: http.StatusText(status), Status: status, Detail: bounded(detail), Hints: hints}
}

// maxDetail bounds a text about a problem.
const maxDetail = 1000

func bounded(s string) string {
	if len(s) > maxDetail {
		s = strings.ToValidUTF8(s[:maxDetail], "") + "…"
	}
	return finding.Quote(s)
}

// problemOf is the problem that an error is. What is not the client's fault is told to
// the service's own log and not to the client.
func (s *Server) problemOf(err error) *Problem {
	var p *Problem
	var u *target.Usage
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &p):
		return p
	case errors.As(err, &u):
		return problem(http.StatusUnprocessableEntity, u.Msg, u.Hints...)
	case errors.Is(err, watch.ErrNotFound), errors.Is(err, alert.ErrNotFound):
		return problem(http.StatusNotFound, "there is no such thing, or it is not kept any more")
	case errors.Is(err, watch.ErrPage):
		return problem(http.StatusBadRequest, "page: no answer named this page")
	case errors.Is(err, watch.ErrUnmade):
		p = problem(http.StatusServiceUnavailable, err.Error(), "this says nothing about the target; ask again later")
		p.retry = 10 * time.Second
		return p
	case errors.As(err, &tooLarge):
		return problem(http.StatusRequestEntityTooLarge, "the body is too large")
	}
	if s.Trouble != nil {
		s.Trouble(err)
	}
	return problem(http.StatusInternalServerError, "the service cannot answer this now; its log says why")
}

// refuse answers a program with a problem.
func refuse(w http.ResponseWriter, p *Problem) {
	h := w.Header()
	h.Set("Content-Type", "application/problem+json")
	h.Set("Cache-Control", "no-store")
	problemHeaders(h, p)
	w.WriteHeader(p.Status)
	_ = json.NewEncoder(w).Encode(p) // whoever went away is not told
}

// problemHeaders are those by which a client knows what to do next.
func problemHeaders(h http.Header, p *Problem) {
	if p.retry > 0 {
		h.Set("Retry-After", strconv.Itoa(int(p.retry/time.Second)+1))
	}
	if p.Status == http.StatusUnauthorized {
		h.Set("WWW-Authenticate", `Bearer realm="assay"`)
	}
}

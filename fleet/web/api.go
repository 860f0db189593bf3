package web

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/assaytls/assay/finding"
	"github.com/assaytls/assay/fleet/watch"
	"github.com/assaytls/assay/policy"
	"github.com/assaytls/assay/report"
)

// route is one operation of the API. The mux and the OpenAPI document are made from
// the same table.
type route struct {
	method, path string
	about        string            // one line
	query        map[string]string // parameters, with what each is
	body         any               // a value of the type that is read; nil: there is none
	gives        any               // a value of the type that is answered; nil: nothing is
	status       int               // 0 is 200
	also         string            // another type that Accept may ask for; "": there is none
	answer       func(s *Server, r *request) (any, error)
}

// request is a request with its parameters, which are read strictly.
type request struct {
	*http.Request
	w     http.ResponseWriter
	q     url.Values
	wrong *Problem
}

func (r *request) fail(name, must string) {
	if r.wrong == nil {
		r.wrong = problem(http.StatusBadRequest, name+": it must be "+must)
	}
}

// maxParameter bounds a parameter.
const maxParameter = 1000

// text reads a parameter, which stands once at most.
func (r *request) text(name string) string {
	v := r.q[name]
	switch {
	case len(v) > 1:
		r.fail(name, "given once")
	case len(v) == 1 && len(v[0]) > maxParameter:
		r.fail(name, "shorter")
	case len(v) == 1:
		return v[0]
	}
	return ""
}

func (r *request) number(name string, low, high int64) int64 {
	t := r.text(name)
	if t == "" {
		return 0
	}
	n, err := strconv.ParseInt(t, 10, 64)
	if err != nil || n < low || n > high {
		r.fail(name, "a number from "+strconv.FormatInt(low, 10)+" to "+strconv.FormatInt(high, 10))
		return 0
	}
	return n
}

const most = 1 << 62

func (r *request) limit() int { return int(r.number("limit", 1, watch.MaxPage)) }

func (r *request) flag(name string) bool {
	switch r.text(name) {
	case "", "false":
	case "true":
		return true
	default:
		r.fail(name, "true or false")
	}
	return false
}

func (r *request) hash(name, text string) (h watch.Hash) {
	if text == "" {
		return h
	}
	h, err := hashText(text)
	if err != nil {
		r.fail(name, err.Error())
	}
	return h
}

func hashText(text string) (h watch.Hash, err error) {
	b, err := hex.DecodeString(text)
	if err != nil || len(b) != len(h) {
		return h, errors.New("a SHA-256 in hexadecimal")
	}
	return watch.Hash(b), nil
}

func (r *request) id() int64 {
	n, err := strconv.ParseInt(r.PathValue("id"), 10, 64)
	if err != nil || n < 1 {
		r.fail("id", "a number")
	}
	return n
}

// read reads the body, which must be JSON and have no member that is not known.
func (r *request) read(v any) error {
	kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || kind != "application/json" {
		return problem(http.StatusUnsupportedMediaType, "the body must be JSON, and Content-Type say so: application/json")
	}
	d := json.NewDecoder(r.Body)
	d.DisallowUnknownFields()
	if err := d.Decode(v); err != nil {
		var large *http.MaxBytesError
		if errors.As(err, &large) {
			return err
		}
		return problem(http.StatusBadRequest, "the body cannot be read: "+err.Error())
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return problem(http.StatusBadRequest, "there is something after the JSON of the body")
	}
	return nil
}

// list is an answer that is a list, which is never null.
type list[T any] struct {
	Items []T   `json:"items"`
	Next  int64 `json:"next,omitempty"` // before (or, of events, after) for the next page; 0 is the end
}

// listed makes a page of items that have numbers.
func listed[T any](items []T, limit int, number func(T) int64) list[T] {
	l := list[T]{Items: append([]T{}, items...)}
	if limit == 0 {
		limit = watch.DefaultPage
	}
	if number != nil && len(items) >= limit {
		l.Next = number(items[len(items)-1])
	}
	return l
}

// NewTarget is a target to add.
type NewTarget struct {
	Target string            `json:"target"`          // as assay check takes it
	Name   string            `json:"name,omitempty"`  // what people call it
	Group  string            `json:"group,omitempty"` // of the configuration; "" is "default"
	Labels map[string]string `json:"labels,omitempty"`
}

// SessionToken begins a session, and Session is one.
type SessionToken struct {
	Token string `json:"token"`
}

// Session is who asks, and what its forms send back.
type Session struct {
	User string `json:"user"`
	CSRF string `json:"csrf"` // for X-CSRF-Token
}

var pageQuery = map[string]string{"limit": "how many at most, from 1 to 1000; 100"}

func with(more map[string]string) map[string]string {
	for k, v := range pageQuery {
		more[k] = v
	}
	return more
}

// readRoutes are the operations that change nothing.
func readRoutes() []route {
	return []route{
		{method: "GET", path: "/api/v1/summary", about: "How many targets there are, by verdict", gives: watch.Summary{},
			answer: func(s *Server, r *request) (any, error) { return s.Store.Summary(r.Context(), time.Now()) }},
		{method: "GET", path: "/api/v1/targets", about: "Targets with where they stand", gives: watch.TargetPage{},
			query: with(map[string]string{"q": "a part of the name, the target, the group or a label", "group": "of this group", "verdict": "accept, reject, inconclusive or unchecked; repeatable",
				"finding": "that have this finding", "headline": "whose root cause this is", "cause": "that have a finding of this cause", "certificate": "that use this certificate (SHA-256)",
				"issuer": "whose certificate this one issued (SHA-256)", "ends-in": "of which something ends within this time, like 14d", "order": "name, end, checked, since or worst", "page": "as next had it", "removed": "true: also those that are watched no longer"}),
			answer: (*Server).targetPage},
		{method: "GET", path: "/api/v1/targets/{id}", about: "One target", gives: watch.Target{},
			answer: func(s *Server, r *request) (any, error) { return s.Store.Target(r.Context(), r.id()) }},
		{method: "GET", path: "/api/v1/targets/{id}/report", about: "The newest report about a target, in full (schema: docs/json.md)", gives: &report.Report{},
			query: map[string]string{"state": "number of a state; default: the one that it is in"},
			answer: func(s *Server, r *request) (any, error) {
				return s.Store.Report(r.Context(), r.id(), r.number("state", 0, most))
			}},
		{method: "GET", path: "/api/v1/targets/{id}/history", about: "What a target came to, the newest first", gives: list[watch.State]{},
			query: with(map[string]string{"before": "states with a lower number"}),
			answer: func(s *Server, r *request) (any, error) {
				n := r.limit()
				all, err := s.Store.History(r.Context(), r.id(), r.number("before", 0, most), n)
				return listed(all, n, func(x watch.State) int64 { return x.ID }), err
			}},
		{method: "GET", path: "/api/v1/targets/{id}/findings", about: "The findings that a target has now", gives: list[watch.Finding]{},
			answer: func(s *Server, r *request) (any, error) {
				all, err := s.Store.Findings(r.Context(), r.id())
				return listed(all, 0, nil), err
			}},
		{method: "GET", path: "/api/v1/events", about: "Changes, the oldest first; whoever asks after the highest number that he had misses none", gives: list[watch.Event]{},
			query:  with(map[string]string{"after": "those with a higher number", "before": "those with a lower number", "target": "of this target", "group": "of this group", "kind": "of this kind", "newest": "true: the newest first"}),
			answer: (*Server).events},
		{method: "GET", path: "/api/v1/findings", about: "How many targets have which finding", gives: list[watch.FindingCount]{},
			answer: func(s *Server, r *request) (any, error) {
				all, err := s.Store.FindingCounts(r.Context())
				return listed(all, 0, nil), err
			}},
		{method: "GET", path: "/api/v1/causes", about: "What is wrong outside of the targets, and with how many", gives: list[watch.CauseCount]{},
			answer: func(s *Server, r *request) (any, error) {
				all, err := s.Store.Causes(r.Context())
				return listed(all, 0, nil), err
			}},
		{method: "GET", path: "/api/v1/certificates", about: "Certificates that targets use, those first that end first", gives: watch.CertPage{},
			query:  with(map[string]string{"q": "a part of subject, names, issuer or serial number, or a SHA-256", "spki": "with this key (SHA-256)", "unused": "true: also those that no target uses any more", "page": "as next had it"}),
			answer: (*Server).certificates},
		{method: "GET", path: "/api/v1/certificates/{sha256}", about: "One certificate; as DER when Accept is application/pkix-cert", gives: watch.Cert{}, also: "application/pkix-cert",
			answer: func(s *Server, r *request) (any, error) {
				c, der, err := s.Store.Certificate(r.Context(), r.hash("sha256", r.PathValue("sha256")))
				if err == nil && r.Header.Get("Accept") == "application/pkix-cert" {
					return raw(der), nil
				}
				return c, err
			}},
		{method: "GET", path: "/api/v1/issuers", about: "Certificates that issued the servers' own", gives: list[watch.IssuerCount]{},
			answer: func(s *Server, r *request) (any, error) {
				all, err := s.Store.Issuers(r.Context())
				return listed(all, 0, nil), err
			}},
		{method: "GET", path: "/api/v1/outbox", about: "Messages, the newest first", gives: list[watch.Delivery]{},
			query: with(map[string]string{"before": "those with a lower number", "dead": "true: only those that were given up"}),
			answer: func(s *Server, r *request) (any, error) {
				n := r.limit()
				all, err := s.Store.Outbox(r.Context(), r.flag("dead"), r.number("before", 0, most), n)
				return listed(all, n, func(x watch.Delivery) int64 { return x.ID }), err
			}},
		{method: "GET", path: "/api/v1/session", about: "Who asks, and the CSRF token of forms", gives: Session{},
			answer: func(s *Server, r *request) (any, error) {
				return Session{callerOf(r.Request).name, s.CSRF(r.Request)}, nil
			}},
	}
}

// raw is an answer that is a certificate's DER.
type raw []byte

func (s *Server) targetPage(r *request) (any, error) {
	q := watch.TargetQuery{Search: r.text("q"), Group: r.text("group"), Finding: finding.ID(r.text("finding")), Cause: r.text("cause"), Headline: finding.ID(r.text("headline")),
		Cert: r.hash("certificate", r.text("certificate")), Issuer: r.hash("issuer", r.text("issuer")), Removed: r.flag("removed"), Page: r.text("page"), Limit: r.limit()}
	for _, v := range r.q["verdict"] {
		switch verdict := report.Verdict(v); verdict {
		case report.Accept, report.Reject, report.Inconclusive:
			q.Verdicts = append(q.Verdicts, verdict)
		case "unchecked":
			q.Verdicts = append(q.Verdicts, "")
		default:
			r.fail("verdict", "accept, reject, inconclusive or unchecked")
		}
	}
	switch o := watch.Order(r.text("order")); o {
	case "", watch.ByName, watch.ByEnd, watch.ByChecked, watch.BySince, watch.ByWorst:
		q.Order = o
	default:
		r.fail("order", "name, end, checked, since or worst")
	}
	if t := r.text("ends-in"); t != "" {
		var err error
		if days, found := strings.CutSuffix(t, "d"); found {
			var n uint64
			n, err = strconv.ParseUint(days, 10, 16)
			q.EndsIn = time.Duration(n) * 24 * time.Hour
		} else {
			q.EndsIn, err = policy.ParseDuration(t)
		}
		if err != nil || q.EndsIn <= 0 {
			r.fail("ends-in", "a length of time like 36h or 14d")
		}
	}
	if r.wrong != nil {
		return nil, r.wrong
	}
	p, err := s.Store.Targets(r.Context(), q, time.Now())
	p.Targets = append([]watch.Target{}, p.Targets...)
	return p, err
}

func (s *Server) events(r *request) (any, error) {
	q := watch.EventQuery{After: r.number("after", 0, most), Before: r.number("before", 0, most), Target: r.number("target", 0, most), Group: r.text("group"),
		Kind: watch.EventKind(r.text("kind")), Newest: r.flag("newest"), Limit: r.limit()}
	if r.wrong != nil {
		return nil, r.wrong
	}
	all, err := s.Store.Events(r.Context(), q)
	return listed(all, q.Limit, func(e watch.Event) int64 { return e.ID }), err
}

func (s *Server) certificates(r *request) (any, error) {
	q := watch.CertQuery{Search: r.text("q"), Spki: r.hash("spki", r.text("spki")), All: r.flag("unused"), Page: r.text("page"), Limit: r.limit()}
	if r.wrong != nil {
		return nil, r.wrong
	}
	p, err := s.Store.Certificates(r.Context(), q)
	p.Certs = append([]watch.Cert{}, p.Certs...)
	return p, err
}

// serve answers a route.
func (s *Server) serve(o route) http.HandlerFunc {
	return func(w http.ResponseWriter, hr *http.Request) {
		r := &request{Request: hr, w: w}
		var err error
		if r.q, err = url.ParseQuery(hr.URL.RawQuery); err != nil {
			refuse(w, problem(http.StatusBadRequest, "the query cannot be read"))
			return
		}
		for name := range r.q {
			if _, known := o.query[name]; !known {
				refuse(w, problem(http.StatusBadRequest, "there is no parameter "+strconv.Quote(name)+" here"))
				return
			}
		}
		v, err := o.answer(s, r)
		if r.wrong != nil {
			err = r.wrong
		}
		if err != nil {
			refuse(w, s.problemOf(err))
			return
		}
		s.give(w, hr, o, v)
	}
}

// give writes an answer. One that only reads has an ETag, and is not sent again to
// who has it.
func (s *Server) give(w http.ResponseWriter, r *http.Request, o route, v any) {
	h := w.Header()
	h.Set("Cache-Control", "private, no-cache")
	b, der := []byte(nil), false
	if d, ok := v.(raw); ok {
		b, der = d, true
		h.Set("Content-Type", "application/pkix-cert")
		h.Set("Content-Disposition", "attachment")
	} else if v != nil {
		var err error
		if b, err = json.Marshal(v); err != nil {
			refuse(w, s.problemOf(err))
			return
		}
		h.Set("Content-Type", "application/json")
	}
	h.Add("Vary", "Accept")
	if o.method == http.MethodGet {
		sum := sha256.Sum256(b)
		tag := `"` + hex.EncodeToString(sum[:16]) + `"`
		h.Set("ETag", tag)
		for _, have := range strings.Split(r.Header.Get("If-None-Match"), ",") {
			if have = strings.TrimPrefix(strings.TrimSpace(have), "W/"); have == tag || have == "*" {
				w.WriteHeader(http.StatusNotModified)
				return
			}
		}
	}
	status := o.status
	switch {
	case v == nil:
		w.WriteHeader(http.StatusNoContent)
		return
	case status == 0:
		status = http.StatusOK
	}
	w.WriteHeader(status)
	if !der {
		b = append(b, '\n')
	}
	_, _ = w.Write(b) // whoever went away is not told
}

package web

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/assaytls/assay/fleet/watch"
	"github.com/assaytls/assay/report"
)

// document is the OpenAPI document that a Server serves, and the schemas in it.
type document struct {
	paths    object
	compiler *jsonschema.Compiler
}

func documentOf(t *testing.T, s *Server) *document {
	t.Helper()
	var all object
	if err := json.Unmarshal(do(s, "GET", "/api/v1/openapi.json", "").Body.Bytes(), &all); err != nil {
		t.Fatal(err)
	}
	d := &document{paths: all["paths"].(object), compiler: jsonschema.NewCompiler()}
	d.compiler.AssertFormat()
	if err := d.compiler.AddResource("mem://api.json", all); err != nil {
		t.Fatal(err)
	}
	return d
}

func (d *document) operation(method, path string) object {
	op, _ := d.paths[path].(object)[strings.ToLower(method)].(object)
	return op
}

// fits says how JSON differs from the schema that stands at a place of an operation.
func (d *document) fits(body []byte, method, path string, place ...string) error {
	at := "mem://api.json#"
	for _, step := range append([]string{"paths", path, strings.ToLower(method)}, place...) {
		at += "/" + url.PathEscape(strings.NewReplacer("~", "~0", "/", "~1").Replace(step))
	}
	schema, err := d.compiler.Compile(at)
	if err != nil {
		return err
	}
	v, err := jsonschema.UnmarshalJSON(bytes.NewReader(body))
	if err != nil {
		return err
	}
	return schema.Validate(v)
}

// says reports how an answer differs from what the document says of an operation: its
// status, what kind of body it has, and that body. Only errors may be the default.
func (d *document) says(method, path string, got *httptest.ResponseRecorder) error {
	responses, _ := d.operation(method, path)["responses"].(object)
	status := strconv.Itoa(got.Code)
	if responses[status] == nil {
		if got.Code < 400 || responses["default"] == nil {
			return fmt.Errorf("it answers %s, which the document does not have", status)
		}
		status = "default"
	}
	kind := got.Header().Get("Content-Type")
	content, _ := responses[status].(object)["content"].(object)
	switch {
	case content == nil && got.Body.Len() > 0:
		return fmt.Errorf("%s has a body (%s) that the document does not have", status, kind)
	case content == nil:
		return nil
	case content[kind] == nil:
		return fmt.Errorf("%s is %s, which the document does not have", status, kind)
	case !strings.HasSuffix(kind, "json"):
		return nil
	}
	return d.fits(got.Body.Bytes(), method, path, "responses", status, "content", kind, "schema")
}

// troubled says what is wrong with an answer that is a problem of RFC 9457.
func troubled(got *httptest.ResponseRecorder) error {
	var p Problem
	strict := json.NewDecoder(bytes.NewReader(got.Body.Bytes()))
	strict.DisallowUnknownFields()
	if err := strict.Decode(&p); err != nil {
		return err
	}
	h := got.Header()
	switch {
	case h.Get("Content-Type") != "application/problem+json":
		return errors.New("its type is " + h.Get("Content-Type"))
	case p.Status != got.Code || p.Title != http.StatusText(got.Code) || p.Type != "about:blank" || p.Detail == "":
		return fmt.Errorf("%d has the body %+v", got.Code, p)
	case h.Get("Cache-Control") != "no-store" || h.Get("X-Content-Type-Options") != "nosniff":
		return fmt.Errorf("its headers are %v", h)
	case (got.Code == 401) != (h.Get("WWW-Authenticate") != ""):
		return fmt.Errorf("WWW-Authenticate: %q", h.Get("WWW-Authenticate"))
	case (got.Code == 429 || got.Code == 503) != (h.Get("Retry-After") != ""):
		return fmt.Errorf("Retry-After: %q", h.Get("Retry-After"))
	}
	return nil
}

// at is a route's path with a number or a hash in it.
func at(path, id string) string { return strings.NewReplacer("{id}", id, "{sha256}", id).Replace(path) }

// stocked starts a Server whose store has one of everything that the API tells: targets
// of several verdicts, their events and certificates, an alert, a silence, and a message
// that was given up. It returns numbers of things by the route that takes them.
func stocked(t *testing.T) (s *Server, ids map[string]string) {
	t.Helper()
	s = startLab(t, "good", "expired", "revoked-by-ocsp")
	now := time.Now()
	err := s.Store.Update(t.Context(), func(tx *watch.Tx) error {
		_, err := tx.Exec("INSERT INTO alerts (alert_key, rule, severity, cause, finding, title, targets, names, began, told) VALUES ('k', 'r', 'critical', 'c', 'cert-expired', 't', 1, '[\"a\"]', ?, ?)", now.UnixMilli(), now.UnixMilli())
		if err == nil {
			err = tx.Deliver(watch.Delivery{Key: "k", Receiver: "r", Body: []byte("{}"), Created: now, Next: now})
		}
		if err == nil {
			_, err = tx.Exec("UPDATE outbox SET dead = 1, ended = ?, attempts = 3, trouble = 'it answers nothing'", now.UnixMilli())
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	targets, err := s.Store.Targets(t.Context(), watch.TargetQuery{Group: "lab", Verdicts: []report.Verdict{report.Reject}}, now)
	if err != nil || len(targets.Targets) == 0 {
		t.Fatal(targets, err)
	}
	certs, err := s.Store.Certificates(t.Context(), watch.CertQuery{})
	if err != nil || len(certs.Certs) == 0 {
		t.Fatal(certs, err)
	}
	r, err := s.Store.Report(t.Context(), targets.Targets[0].ID, 0)
	if err != nil {
		t.Fatal(err)
	}
	s.Ask = func(_ context.Context, q watch.Question) (watch.Outcome, error) {
		if q.Spec.Target == "unmade.test" {
			return watch.Outcome{}, watch.ErrUnmade
		}
		return watch.Outcome{Report: r, Took: time.Millisecond}, nil
	}
	return s, map[string]string{"targets": fmt.Sprint(targets.Targets[0].ID), "certificates": certs.Certs[0].SHA256}
}

// TestDocument: every route is in the OpenAPI document, and what it really answers is
// what the document says: the lists with entries, and their pages that are not sent again.
func TestDocument(t *testing.T) {
	s, ids := stocked(t)
	d := documentOf(t, s)
	if got := do(s, "POST", "/api/v1/silences", `{"group":"web","until":"`+time.Now().Add(time.Hour).Format(time.RFC3339)+`"}`); got.Code != 201 {
		t.Errorf("a silence: %d %s", got.Code, got.Body)
	}
	for _, o := range s.routes() {
		if d.operation(o.method, o.path) == nil {
			t.Errorf("%s %s is not in the document", o.method, o.path)
			continue
		}
		if o.method != "GET" {
			continue
		}
		path := at(o.path, ids[strings.Split(o.path, "/")[3]])
		got := do(s, "GET", path, "")
		if err := d.says("GET", o.path, got); err != nil || got.Code != 200 {
			t.Errorf("%s: %d %v: %s", o.path, got.Code, err, got.Body)
		}
		if bytes.Contains(got.Body.Bytes(), []byte(`"items":[]`)) {
			t.Errorf("%s: a list without entries shows nothing", o.path)
		}
		again := do(s, "GET", path, "", "If-None-Match", got.Header().Get("ETag"))
		if err := d.says("GET", o.path, again); err != nil || again.Code != 304 {
			t.Errorf("%s: %d with its ETag: %v", o.path, again.Code, err)
		}
		wrong := do(s, "GET", path+"?no-such=1", "")
		if err := errors.Join(d.says("GET", o.path, wrong), troubled(wrong)); err != nil || wrong.Code != 400 {
			t.Errorf("%s takes any parameter: %d %v", o.path, wrong.Code, err)
		}
		if path == o.path {
			continue
		}
		missing := "999999"
		if strings.Contains(o.path, "{sha256}") {
			missing = strings.Repeat("0", 64)
		}
		gone := do(s, "GET", at(o.path, missing), "")
		err := d.says("GET", o.path, gone)
		if gone.Code == 404 {
			err = errors.Join(err, troubled(gone))
		} else if !strings.HasPrefix(gone.Body.String(), `{"items":[]`) { // a list of what belongs to nothing is empty
			err = errors.Join(err, fmt.Errorf("it answers %s", gone.Body))
		}
		if err != nil {
			t.Errorf("%s of what is not there: %d %v", o.path, gone.Code, err)
		}
	}
	const one = "/api/v1/certificates/{sha256}"
	if got := do(s, "GET", at(one, ids["certificates"]), "", "Accept", "application/pkix-cert"); got.Code != 200 || d.says("GET", one, got) != nil {
		t.Errorf("a certificate's DER: %d %v", got.Code, d.says("GET", one, got))
	}
}

// TestDocumentChanges: what the operations that change something answer, well or not, is
// what the document says, and what they read is too.
func TestDocumentChanges(t *testing.T) {
	s, ids := stocked(t)
	d := documentOf(t, s)
	closed, err := start(t, Settings{TokenFile: tokenFile(t, testToken, 0o600)}, loopback, nil)
	if err != nil {
		t.Fatal(err)
	}
	slow, err := start(t, Settings{Checks: 1}, loopback, s.Ask)
	if err != nil {
		t.Fatal(err)
	}
	broken, err := start(t, Settings{}, loopback, nil)
	if err != nil {
		t.Fatal(err)
	}
	broken.Trouble = nil
	if err := broken.Store.Close(); err != nil {
		t.Fatal(err)
	}
	const (
		check, targets, target, recheck = "/api/v1/check", "/api/v1/targets", "/api/v1/targets/{id}", "/api/v1/targets/{id}/check"
		resend, session, acknowledge    = "/api/v1/outbox/{id}/resend", "/api/v1/session", "/api/v1/alerts/{id}/acknowledge"
		silences, silence               = "/api/v1/silences", "/api/v1/silences/{id}"
		none                            = "999999"
	)
	soon := time.Now().Add(time.Hour).Format(time.RFC3339)
	long := strings.Repeat("a", 2000)
	seen, done := map[int]bool{}, map[string]bool{}
	for _, c := range []struct {
		s            *Server
		method, path string
		id           string // "new" is the number that the last answer gave
		body         string
		want         int
		headers      []string
	}{
		{s, "POST", check, "", `{"target":"a.test","group":"default","policy":{"min-rsa":3072,"strict":true,"name":["a.test","b.test"]}}`, 200, nil},
		{s, "POST", check, "", `{"target":"a.test","no-such":1}`, 400, nil},
		{s, "POST", check, "", `{"target":"a.test","policy":{"name":[["a"]]}}`, 400, nil},
		{s, "POST", check, "", `{"target":"a.test"} {}`, 400, nil},
		{s, "POST", check, "", `{`, 400, nil},
		{s, "POST", check, "", ` `, 400, nil},
		{s, "POST", check, "", `{"target":""}`, 422, nil},
		{s, "POST", check, "", `{"target":"` + strings.Repeat("a", maxBody) + `"}`, 413, nil},
		{s, "POST", check, "", `{"target":"unmade.test"}`, 503, nil},
		{slow, "POST", check, "", `{"target":"a.test"}`, 200, nil},
		{slow, "POST", check, "", `{"target":"b.test"}`, 429, nil},
		{slow, "POST", recheck, "1", "", 429, nil},
		{slow, "POST", targets, "", `{"target":"c.test"}`, 429, nil},

		{s, "POST", targets, "", `{"target":"new.test","name":"New","group":"default","labels":{"team":"web"}}`, 201, nil},
		{s, "POST", recheck, "new", "", 204, nil},
		{s, "DELETE", target, "new", "", 204, nil},
		{s, "POST", targets, "", `{"target":"127.0.0.1:1"}`, 409, nil},
		{s, "POST", targets, "", `{"target":"a.test","group":"nowhere"}`, 422, nil},
		{s, "POST", targets, "", `{"target":"` + long + `"}`, 422, nil},
		{s, "POST", targets, "", `{"target":"mx:a.test"}`, 422, nil},
		{s, "POST", targets, "", `{"target":"a b"}`, 422, nil},
		{s, "POST", targets, "", `{"target":"a.test","labels":{"` + "\u202e" + `":"x"}}`, 422, nil},
		{s, "POST", targets, "", `{"target":1}`, 400, nil},
		{s, "POST", targets, "", `{"target":"a.test"}`, 415, []string{"Content-Type", "application/xml"}},
		{s, "POST", targets, "", `{"target":"a.test"}`, 415, []string{"Content-Type", ""}},
		{s, "POST", targets, "", `{"target":"a.test"}`, 403, []string{"Origin", "http://evil.test"}},
		{s, "POST", targets, "", `{"target":"a.test"}`, 403, []string{"Content-Type", "text/plain"}},
		{s, "POST", targets, "", `{"target":"a.test"}`, 421, []string{"Host", "evil.test"}},
		{broken, "POST", targets, "", `{"target":"a.test"}`, 500, nil},
		{s, "DELETE", target, ids["targets"], "", 409, nil},
		{s, "DELETE", target, none, "", 404, nil},
		{s, "DELETE", target, "x", "", 400, nil},
		{s, "DELETE", target, "0", "", 400, nil},
		{s, "POST", recheck, none, "", 404, nil},
		{s, "POST", recheck, "-1", "", 400, nil},
		{broken, "DELETE", target, "1", "", 500, nil},

		{s, "POST", resend, "1", "", 204, nil},
		{s, "POST", resend, "1", "", 404, nil},
		{s, "POST", resend, "x", "", 400, nil},

		{closed, "POST", session, "", `{"token":"` + testToken + `"}`, 200, nil},
		{closed, "POST", session, "", `{"token":"wrong"}`, 401, nil},
		{closed, "POST", session, "", `{}`, 401, nil},
		{closed, "POST", targets, "", `{"target":"a.test"}`, 401, nil},
		{closed, "DELETE", session, "", "", 401, nil},
		{closed, "DELETE", session, "", "", 204, []string{"Authorization", "Bearer " + testToken}},

		{s, "POST", acknowledge, "1", `{"comment":"I look after it."}`, 204, nil},
		{s, "POST", acknowledge, none, `{}`, 404, nil},
		{s, "POST", acknowledge, "x", `{}`, 400, nil},
		{s, "POST", acknowledge, "1", `{"comment":"` + long + `"}`, 422, nil},
		{s, "POST", acknowledge, "1", "", 415, nil},

		{s, "POST", silences, "", `{"rule":"r","target":"a","group":"web","cause":"c","finding":"cert-expired","until":"` + soon + `","comment":"c"}`, 201, nil},
		{s, "DELETE", silence, "new", "", 204, nil},
		{s, "DELETE", silence, "new", "", 404, nil},
		{s, "DELETE", silence, "x", "", 400, nil},
		{s, "POST", silences, "", `{"until":"` + soon + `"}`, 422, nil},
		{s, "POST", silences, "", `{"group":"web","until":"2020-01-01T00:00:00Z"}`, 422, nil},
		{s, "POST", silences, "", `{"group":"web","until":"tomorrow"}`, 400, nil},
	} {
		if c.id == "new" {
			c.id = ids["new"]
		}
		name := fmt.Sprintf("%s %s %.100s", c.method, at(c.path, c.id), c.body)
		got := do(c.s, c.method, at(c.path, c.id), c.body, c.headers...)
		if got.Code != c.want {
			t.Errorf("%s: %d, want %d: %s", name, got.Code, c.want, got.Body)
		}
		if err := d.says(c.method, c.path, got); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		seen[got.Code] = true
		if got.Code >= 400 {
			if err := troubled(got); err != nil {
				t.Errorf("%s: %v", name, err)
			}
			if got.Code == 400 && json.Valid([]byte(c.body)) && d.fits([]byte(c.body), c.method, c.path, "requestBody", "content", "application/json", "schema") == nil && c.id == "" {
				t.Errorf("%s: the body cannot be read, and the document allows it", name)
			}
			continue
		}
		done[c.method+" "+c.path] = true
		if _, reads := d.operation(c.method, c.path)["requestBody"]; reads != (c.body != "") {
			t.Errorf("%s: the document says that there is a body: %v", name, reads)
		} else if reads {
			if err := d.fits([]byte(c.body), c.method, c.path, "requestBody", "content", "application/json", "schema"); err != nil {
				t.Errorf("%s: the body is taken, and the document does not allow it: %v", name, err)
			}
		}
		var made struct {
			ID json.Number `json:"id"`
		}
		if json.Unmarshal(got.Body.Bytes(), &made) == nil && made.ID != "" {
			ids["new"] = made.ID.String()
		}
	}
	for _, o := range s.routes() {
		if o.method != "GET" && !done[o.method+" "+o.path] {
			t.Errorf("%s %s: nothing here shows what it answers when it does its work", o.method, o.path)
		}
	}
	for _, status := range []int{400, 401, 403, 404, 409, 413, 415, 421, 422, 429, 500, 503} {
		if !seen[status] {
			t.Errorf("nothing here is answered with %d", status)
		}
	}
}

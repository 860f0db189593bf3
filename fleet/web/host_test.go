package web

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"net/url"
	"reflect"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/assaytls/assay/fleet/alert"
	"github.com/assaytls/assay/fleet/watch"
	"github.com/assaytls/assay/report"
)

// labScenarios are servers of the lab of which each shows something else on the pages.
var labScenarios = []string{"good", "good-staple", "good-rsa", "expired", "expired-intermediate", "missing-intermediate-no-aia", "cross-signed", "crl-unreachable", "crl-delta", "revoked", "must-staple-missing",
	"hostile-subject", "hostile-url", "many-certificates", "many-pointers", "closes", "wrong-host", "two-certificates", "revoked-by-ocsp", "sct-embedded", "program-distrusted", "self-signed"}

// startLab starts a Server whose targets are servers of the lab, each checked once. The
// first target is one that was not checked yet.
func startLab(t testing.TB, only ...string) *Server {
	t.Helper()
	ctx := context.Background()
	s, err := start(t, Settings{Requests: 10_000}, loopback, nil)
	if err != nil {
		t.Fatal(err)
	}
	d, err := watch.StartDemo(ctx, only)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	if _, _, err := s.Store.Sync(ctx, append(d.Specs(), s.config.Load().config.Specs()...), []string{"lab", watch.DefaultGroup}, time.Now()); err != nil {
		t.Fatal(err)
	}
	judge(t, s, func(spec watch.Spec) *report.Report {
		if spec.Group != "lab" {
			return nil
		}
		return d.Judge(ctx, spec).Report
	})
	return s
}

// judge records what of says of each target that is due; nil is nothing.
func judge(t testing.TB, s *Server, of func(watch.Spec) *report.Report) {
	t.Helper()
	ctx, now := context.Background(), time.Now()
	jobs, err := s.Store.Claim(ctx, "test", now.Add(time.Minute), now.Add(time.Hour), 20_000)
	if err != nil {
		t.Fatal(err)
	}
	all := make([]*report.Report, len(jobs))
	var wg sync.WaitGroup
	slots := newGate(8, len(jobs)+1)
	for i, j := range jobs {
		wg.Go(func() {
			slots.enter(ctx)
			defer slots.leave()
			all[i] = of(j.Spec)
		})
	}
	wg.Wait()
	var results []watch.Result
	for i, j := range jobs {
		if all[i] != nil {
			results = append(results, watch.Result{Job: j, Outcome: watch.Outcome{Report: all[i]}, Next: now.Add(time.Hour)})
		}
	}
	for len(results) > 0 {
		n := min(len(results), 500)
		if got, _, err := s.Store.Record(ctx, results[:n]); err != nil || got != n {
			t.Fatal(got, err)
		}
		results = results[n:]
	}
}

// pages are all pages of a lab's store, with their texts by path.
func pagesOf(t *testing.T, s *Server, paths ...string) map[string]string {
	t.Helper()
	texts, next := map[string]string{}, paths
	for len(next) > 0 {
		path := next[0]
		next = next[1:]
		path, _, _ = strings.Cut(path, "#")
		if _, seen := texts[path]; seen || path == "" {
			continue
		}
		if texts[path] = ""; !ownPath.MatchString(path) {
			continue
		}
		w := browse(s, path)
		if w.Code != 200 {
			t.Errorf("%s: %d, and a page leads there", path, w.Code)
			continue
		}
		if kind := w.Header().Get("Content-Type"); !strings.HasPrefix(kind, "text/html") {
			continue
		}
		for _, bad := range []string{"<script>", "\x1b", "\r", "\u202e", "ZgotmplZ", "%!"} {
			if strings.Contains(w.Body.String(), bad) {
				t.Errorf("%s: it has %q", path, bad)
			}
		}
		text, links := wholePage(t, path, w)
		texts[path] = spaces.ReplaceAllString(text, " ")
		next = append(next, links...)
	}
	return texts
}

var (
	ownPath = regexp.MustCompile(`^/(targets|certificates|issuers|static)(/|\?|$)`)
	spaces  = regexp.MustCompile(`\s+`)
)

// TestHostPages: every page about targets, certificates and issuers of the lab's servers
// is whole, small, says what the terminal says, and leads to pages that are there.
func TestHostPages(t *testing.T) {
	s := startLab(t, labScenarios...)
	targets, err := s.Store.Targets(t.Context(), watch.TargetQuery{}, time.Now())
	if err != nil || len(targets.Targets) != len(labScenarios)+1 {
		t.Fatal(len(targets.Targets), err)
	}
	paths := []string{"/certificates", "/issuers"}
	for _, one := range targets.Targets {
		paths = append(paths, hostPath(one.ID))
	}
	texts := pagesOf(t, s, paths...)
	kinds := map[string]int{}
	for path := range texts {
		kinds[strings.Split(path, "/")[1]]++
	}
	if kinds["certificates"] < 20 || kinds["issuers"] < 5 {
		t.Errorf("few pages: %v", kinds)
	}
	for _, one := range targets.Targets {
		text := texts[hostPath(one.ID)]
		if one.Verdict == "" {
			if !strings.Contains(text, "It was not checked yet.") {
				t.Errorf("%s: %s", one.Name, text)
			}
			continue
		}
		r, err := s.Store.Report(t.Context(), one.ID, 0)
		if err != nil {
			t.Fatal(err)
		}
		v := r.View().At(report.LevelDefault, false)
		want := []string{strings.ToUpper(string(one.Verdict)), v.Target}
		if h := v.Headline; h != nil {
			want = append(want, h.Title)
			if h.Advice != nil {
				want = append(want, h.Advice.Risk)
			}
		}
		at := 0
		for _, w := range want {
			i := strings.Index(text[at:], short(3*boundText, spaces.ReplaceAllString(w, " ")))
			if i < 0 {
				t.Errorf("%s: %q does not stand where it should", one.Name, w)
				break
			}
			at += i
		}
	}
}

// TestHostFiles: what is downloaded is what the page says, byte for byte.
func TestHostFiles(t *testing.T) {
	s := startLab(t, "expired")
	page := browse(s, "/targets/2").Body.String()
	for _, f := range hostFileKinds {
		w := browse(s, "/targets/2/"+f.name)
		sum := sha256.Sum256(w.Body.Bytes())
		if w.Code != 200 || !strings.Contains(page, hex.EncodeToString(sum[:])) || !strings.Contains(w.Header().Get("Content-Security-Policy"), "sandbox") {
			t.Errorf("%s: %d, %x is not on the page", f.name, w.Code, sum)
		}
	}
	var r report.Report
	if err := json.Unmarshal(browse(s, "/targets/2/report.json").Body.Bytes(), &r); err != nil || r.Verdict != report.Reject {
		t.Errorf("%v %v", r.Verdict, err)
	}
	block, _ := pem.Decode(browse(s, "/targets/2/chain.pem").Body.Bytes())
	if block == nil {
		t.Fatal("no certificate")
	}
	sum := sha256.Sum256(block.Bytes)
	der, text := browse(s, fmt.Sprintf("/certificates/%x/der", sum)), browse(s, fmt.Sprintf("/certificates/%x/pem", sum))
	if again, _ := pem.Decode(text.Body.Bytes()); again == nil || sha256.Sum256(again.Bytes) != sum || sha256.Sum256(der.Body.Bytes()) != sum || der.Header().Get("Content-Type") != "application/pkix-cert" {
		t.Error("the certificate is another one")
	}
	if got := browse(s, "/targets/1/report.json"); got.Code != 404 || !strings.Contains(got.Body.String(), "What to do") {
		t.Errorf("a report that is not there: %d", got.Code)
	}
}

// TestNoSuchPage: what is not there is said to be so, with what to do.
func TestNoSuchPage(t *testing.T) {
	s, err := start(t, Settings{}, loopback, nil)
	if err != nil {
		t.Fatal(err)
	}
	none := strings.Repeat("ab", 32)
	for path, want := range map[string]int{"/targets/99": 404, "/targets/x": 400, "/targets/0": 400, "/targets/1?state=9": 404, "/targets/1?before=x": 400, "/certificates/" + none: 404, "/certificates/x": 400,
		"/certificates/" + none + "/pem": 404, "/certificates/" + none + "/der": 404, "/issuers/" + none: 404, "/issuers/1": 400, "/certificates?page=x": 400, "/issuers?page=x": 400, "/certificates?unused=perhaps": 400} {
		w := browse(s, path)
		if w.Code != want || !strings.Contains(w.Body.String(), "What to do") {
			t.Errorf("%s: %d, not %d: %s", path, w.Code, want, w.Body)
		}
	}
	for path, want := range map[string]string{"/host/1": "/targets/1", "/certificate/" + none: "/certificates/" + none, "/issuer/" + none: "/issuers/" + none} {
		if w := browse(s, path); w.Code != 303 || w.Header().Get("Location") != want {
			t.Errorf("%s: %d %s", path, w.Code, w.Header().Get("Location"))
		}
	}
	for _, path := range []string{"/certificates", "/certificates?q=nothing", "/issuers", "/issuers?q=%22%3E%3Cscript%3E", "/certificates?q=%1b%5d%e2%80%ae"} {
		w := browse(s, path)
		if w.Code != 200 {
			t.Errorf("%s: %d", path, w.Code)
		}
		wholePage(t, path, w)
	}
}

// TestHostForms: a form without the CSRF token changes nothing; with it a check is
// asked for, an alert acknowledged, a silence begun; and checks are limited.
func TestHostForms(t *testing.T) {
	s := startLab(t, "expired")
	ctx, now := t.Context(), time.Now()
	when, err := alert.ParseCondition("verdict is not accept")
	if err != nil {
		t.Fatal(err)
	}
	s.Alerts.Use(alert.Config{Rules: []alert.Rule{{Name: "refused", When: when, Severity: "critical"}}, Repeat: time.Hour})
	if err := s.Alerts.Evaluate(ctx, now.Add(time.Second)); err != nil {
		t.Fatal(err)
	}
	before, err := s.Store.Target(ctx, 2)
	if err != nil || before.Next.Before(now) {
		t.Fatal(before.Next, err)
	}
	text, _ := wholePage(t, "host", browse(s, "/targets/2"))
	if !strings.Contains(text, "Acknowledge") {
		t.Fatalf("no alert: %s", text)
	}
	all, err := s.Alerts.Alerts(ctx, false, 0, 0)
	if err != nil || len(all) != 1 {
		t.Fatal(all, err)
	}
	if text, _ := wholePage(t, "another host", browse(s, "/targets/1")); strings.Contains(text, "Acknowledge") {
		t.Error("another host has the alert")
	}
	forms := []struct {
		path string
		form url.Values
	}{{"/targets/2/check", url.Values{}}, {"/targets/2/acknowledge", url.Values{"alert": {fmt.Sprint(all[0].ID)}, "comment": {"<b>I do</b>"}}}, {"/targets/2/silence", url.Values{"hours": {"8"}, "comment": {"\x1b]"}}}}
	for _, f := range forms {
		for _, token := range []string{"", "wrong"} {
			f.form.Set("csrf", token)
			if got := submit(s, f.path, f.form); got.Code != 403 {
				t.Errorf("%s with the token %q: %d", f.path, token, got.Code)
			}
		}
	}
	if t2, err := s.Store.Target(ctx, 2); err != nil || !t2.Next.Equal(before.Next) {
		t.Errorf("a form without a token changed something: %v %v", t2.Next, err)
	}
	token := s.csrf(caller{name: "local"})
	for _, f := range forms {
		f.form.Set("csrf", token)
		if got := submit(s, f.path, f.form); got.Code != 303 || !strings.HasPrefix(got.Header().Get("Location"), "/targets/2") {
			t.Errorf("%s: %d %s", f.path, got.Code, got.Body)
		}
	}
	if t2, err := s.Store.Target(ctx, 2); err != nil || t2.Next.After(time.Now()) {
		t.Errorf("no check is due: %v %v", t2.Next, err)
	}
	text, _ = wholePage(t, "host", browse(s, "/targets/2"))
	for _, want := range []string{"A check was asked for", "looks after it", "<b>I do</b>", "Silenced until"} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is not on the page", want)
		}
	}
	for _, f := range []struct {
		path string
		form url.Values
		want int
	}{{"/targets/2/silence", url.Values{}, 400}, {"/targets/2/silence", url.Values{"hours": {"100000"}}, 400}, {"/targets/99/check", url.Values{}, 404}, {"/targets/2/acknowledge", url.Values{"alert": {"99"}}, 404}} {
		f.form.Set("csrf", token)
		if got := submit(s, f.path, f.form); got.Code != f.want {
			t.Errorf("%s %v: %d, not %d", f.path, f.form, got.Code, f.want)
		}
	}
	codes := map[int]int{}
	for range 10 {
		codes[submit(s, "/targets/2/check", url.Values{"csrf": {token}}).Code]++
	}
	if codes[303] != perTarget-1 || codes[429] != 10-perTarget+1 {
		t.Errorf("%v", codes)
	}
}

// hostile is a text of somebody who wants more than to be shown.
var hostile = "\"><script>alert(1)</script>\x1b]0;\r\n\u202e\u2066{{.CSRF}}' onload=x javascript:" + strings.Repeat("\U0001f600&<", 30)

// poison puts a hostile text into every string of a value, and makes its lists long.
func poison(v reflect.Value, keep map[string]bool) {
	switch v.Kind() {
	case reflect.Pointer:
		if !v.IsNil() {
			poison(v.Elem(), keep)
		}
	case reflect.Struct:
		for i := range v.NumField() {
			if f := v.Type().Field(i); f.IsExported() && !keep[f.Name] {
				poison(v.Field(i), keep)
			}
		}
	case reflect.Slice:
		if v.Type().Elem().Kind() == reflect.String && v.CanSet() {
			long := reflect.MakeSlice(v.Type(), max(v.Len(), 30), max(v.Len(), 30))
			reflect.Copy(long, v)
			v.Set(long)
		}
		for i := range v.Len() {
			poison(v.Index(i), keep)
		}
	case reflect.Map:
		for _, k := range v.MapKeys() {
			if v.Type().Elem().Kind() == reflect.String {
				v.SetMapIndex(k, reflect.ValueOf(hostile).Convert(v.Type().Elem()))
			}
		}
	case reflect.String:
		v.SetString(hostile)
	}
}

// TestHostilePages: pages about servers that put hostile texts into everything that they
// can are whole and small.
func TestHostilePages(t *testing.T) {
	s := startLab(t, "crl-unreachable", "many-pointers", "revoked", "good-staple")
	ctx := t.Context()
	keep := map[string]bool{"SHA256": true, "SPKISHA256": true, "PEM": true, "Verdict": true, "Role": true, "Status": true, "ID": true, "PolicyHash": true, "Version": true, "State": true, "Name": true, "End": true}
	p, err := s.Store.Targets(ctx, watch.TargetQuery{}, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	reports := map[string]*report.Report{}
	var paths []string
	for _, one := range p.Targets {
		if one.State == 0 {
			continue
		}
		paths = append(paths, hostPath(one.ID))
		r, err := s.Store.Report(ctx, one.ID, 0)
		if err != nil {
			t.Fatal(err)
		}
		before := r.Verdict
		poison(reflect.ValueOf(r).Elem(), keep)
		for i := range r.Certs { // other certificates than before, so that their names are stored
			der := []byte(one.Name + r.Certs[i].SHA256)
			sum := sha256.Sum256(der)
			r.Certs[i].SHA256, r.Certs[i].PEM = hex.EncodeToString(sum[:]), string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
		}
		if report.Decide(r); r.Verdict != before {
			t.Errorf("%s was %s and is %s", one.Name, before, r.Verdict)
		}
		r.Time = time.Now().UTC()
		reports[one.Target] = r
		if err := s.Store.CheckNow(ctx, one.ID, time.Now()); err != nil {
			t.Fatal(err)
		}
	}
	judge(t, s, func(spec watch.Spec) *report.Report { return reports[spec.Target] })
	texts := pagesOf(t, s, append(paths, "/certificates", "/issuers", "/certificates?unused=true")...)
	if len(texts) < 20 {
		t.Errorf("%d pages", len(texts))
	}
}

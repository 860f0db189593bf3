package web

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/pem"
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/assaytls/assay/finding"
	"github.com/assaytls/assay/fleet/alert"
	"github.com/assaytls/assay/fleet/watch"
	"github.com/assaytls/assay/report"
)

// fill watches n servers and checks each once, every third to be rejected for a cause
// that they share. Texts that a peer or a stranger may have written end with evil.
func fill(t testing.TB, s *Server, n int, evil string) {
	t.Helper()
	ctx, now := t.Context(), time.Now()
	var specs []watch.Spec
	for i := range n {
		specs = append(specs, watch.Spec{Kind: watch.Server, Target: fmt.Sprintf("host-%05d.test:443%s", i, evil), Name: fmt.Sprintf("host %05d%s", i, evil), Group: "group" + evil,
			Labels: map[string]string{"team": fmt.Sprint("team ", i%7, evil)}, Origin: watch.FromConfig, Interval: time.Hour, Digest: watch.Hash{1}})
	}
	if _, _, err := s.Store.Sync(ctx, specs, nil, now); err != nil {
		t.Fatal(err)
	}
	for done := 0; done < n; {
		jobs, err := s.Store.Claim(ctx, "test", now.Add(time.Second), now.Add(time.Hour), 500)
		if err != nil || len(jobs) == 0 {
			t.Fatal(done, err)
		}
		var results []watch.Result
		for _, j := range jobs {
			results = append(results, watch.Result{Job: j, Outcome: watch.Outcome{Report: judged(j.ID, now, evil)}, Next: now.Add(time.Hour)})
		}
		if _, _, err := s.Store.Record(ctx, results); err != nil {
			t.Fatal(err)
		}
		done += len(jobs)
	}
}

// judged is a report about one of those servers.
func judged(id int64, now time.Time, evil string) *report.Report {
	cert := func(name string, ca bool) report.Cert {
		der := []byte(name)
		sum := sha256.Sum256(der)
		return report.Cert{Subject: "CN=" + name + evil, Issuer: "CN=CA" + evil, Serial: "01", CA: ca, Key: "ECDSA P-256", NotBefore: now.AddDate(0, -1, 0), NotAfter: now.AddDate(0, 0, int(id%120)+1),
			SHA256: hex.EncodeToString(sum[:]), SPKISHA256: fmt.Sprintf("%064x", 7), PEM: string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))}
	}
	r := &report.Report{Version: report.Version, Time: now, Target: report.Target{Input: "x", Host: "x.test", Port: "443"}, Certs: []report.Cert{cert(fmt.Sprint("leaf ", id), false), cert(fmt.Sprint("CA ", id%20), true)}, Sent: []int{0, 1},
		Paths:  []report.Path{{End: report.EndAnchor, Certs: []report.PathCert{{Cert: 0, Role: report.Leaf}, {Cert: 1, Role: report.Anchor}}}},
		Checks: []report.Check{{Name: report.PathCheck, Cert: -1, State: report.Done, Required: true}}}
	if id%3 == 0 {
		p := &r.Paths[0]
		p.Certs[0].Findings = append(p.Certs[0].Findings, finding.New(finding.CertExpired, "not-after", "x"+evil, "days", "3"))
		p.Certs[1].Findings = append(p.Certs[1].Findings, finding.New(finding.CRLStale, "url", "http://ca.test/"+evil, "next-update", "y"+evil))
	}
	report.Decide(r)
	return r
}

// everyPage follows all links from the first page, and returns what was seen.
func everyPage(t *testing.T, s *Server, evil string) map[string]string {
	t.Helper()
	seen, todo := map[string]string{}, []string{"/", "/?by=group", "/?by=tag", "/?by=issuer", "/findings?all=true", "/alerts?over=true", "/login", "/check"}
	for len(todo) > 0 && len(seen) < 400 {
		path := todo[0]
		todo = todo[1:]
		if before, _, found := strings.Cut(path, "#"); found {
			path = before
		}
		if _, twice := seen[path]; twice || path == "" || strings.HasPrefix(path, "/static/") {
			continue
		}
		w := browse(s, path)
		if w.Code != 200 {
			t.Errorf("%.200s: %d", path, w.Code)
			seen[path] = ""
			continue
		}
		if !strings.HasPrefix(w.Header().Get("Content-Type"), "text/html") {
			seen[path] = w.Body.String()
			continue
		}
		text, links := wholePage(t, path, w)
		if evil != "" && (strings.Contains(w.Body.String(), "<b>evil") || strings.Contains(text, "\u202e")) {
			t.Errorf("%.200s: a name is not escaped", path)
		}
		seen[path] = text
		todo = append(todo, links...)
	}
	return seen
}

// evilNames are what a peer or a stranger may put into a name.
var evilNames = map[string]string{
	"markup":    `<b>evil</b><script src=//evil.test></script>"'` + "`" + `onload=x`,
	"direction": "\u202eevil\u2066\x1b]0;x\x07\r\nSet-Cookie: a=b",
	"long":      strings.Repeat("<b>evil", 300),
	"template":  `{{.}}</script><!--]]>&amp;<b>evil`,
}

// TestEveryPage: every link leads somewhere, every page is whole, small and has nothing
// of its own to load, whatever its names are.
func TestEveryPage(t *testing.T) {
	evilNames["none"] = ""
	for name, evil := range evilNames {
		t.Run(name, func(t *testing.T) {
			s, err := start(t, Settings{}, loopback, nil)
			if err != nil {
				t.Fatal(err)
			}
			fill(t, s, 60, evil)
			when, err := alert.ParseCondition("verdict is not accept for 10m")
			if err != nil {
				t.Fatal(err)
			}
			s.Alerts.Use(alert.Config{Rules: []alert.Rule{{Name: "rule" + evil, When: when, Severity: "critical"}}})
			if err := s.Alerts.Evaluate(t.Context(), time.Now().Add(time.Hour)); err != nil {
				t.Fatal(err)
			}
			if _, err := s.Alerts.Silence(t.Context(), alert.Silence{Rule: "r" + evil, Target: "t" + evil, Group: "g" + evil, Cause: "c" + evil, Finding: "f" + evil, By: "b" + evil, Comment: "c" + evil,
				Created: time.Now(), Until: time.Now().Add(time.Hour)}, time.Now()); err != nil && evil == "" {
				t.Fatal(err)
			}
			seen := everyPage(t, s, evil)
			for _, want := range []string{"/", "/findings", "/explain/cert-expired", "/alerts", "/check", "/certificates", "/issuers", "/targets/3", "/?verdict=reject", "/?finding=cert-expired"} {
				if seen[want] == "" {
					t.Errorf("no link leads to %s", want)
				}
			}
			for _, q := range []string{"q", "finding", "group", "tag", "cause"} {
				path := "/?" + url.Values{q: {cut(evil, 900)}}.Encode()
				if w := browse(s, path); w.Code == 200 {
					wholePage(t, path, w)
				} else {
					t.Errorf("%s: %d", path, w.Code)
				}
			}
			wholePage(t, "an explanation of nothing", browse(s, "/explain/"+url.PathEscape(cut(evil, 300))+"x"))
			wholePage(t, "nothing", browse(s, "/"+url.PathEscape(evil)+"x"))
		})
	}
}

func cut(s string, n int) string { return strings.ToValidUTF8(s[:min(len(s), n)], "") }

// TestOverview: what needs somebody comes first, and what is asked for is found.
func TestOverview(t *testing.T) {
	s, err := start(t, Settings{}, loopback, nil)
	if err != nil {
		t.Fatal(err)
	}
	fill(t, s, 90, "")
	issuer := fmt.Sprintf("%x", sha256.Sum256([]byte("CA 4")))
	for _, c := range []struct {
		path   string
		has    []string
		hasNot []string
	}{
		{"/", []string{"reject 30", "accept 60", "90 hosts, worst first", "30 hosts have this problem", "http://ca.test/", "Next hosts"}, []string{"No host fits"}},
		{"/?verdict=accept", []string{"60 hosts, worst first", "days left"}, []string{"expired"}},
		{"/?verdict=unchecked", []string{"No host fits"}, nil},
		{"/?q=HOST+0007", []string{"10 hosts, worst first", "host 00079"}, []string{"host 00060"}},
		{"/?q=host+00079", []string{"1 host, worst first"}, nil},
		{"/?q=team%3Dteam+3", []string{"13 hosts, worst first"}, nil},
		{"/?q=cert-expired", []string{"30 hosts, worst first"}, nil},
		{"/?q=CN%3Dca+4", []string{"5 hosts, worst first"}, nil},
		{"/?finding=crl-stale", []string{"30 hosts, worst first", "Finding: crl-stale"}, nil},
		{"/?tag=team%3Dteam+3", []string{"13 hosts, worst first"}, nil},
		{"/?issuer=" + issuer, []string{"5 hosts, worst first", "Issuer: CN=CA 4 ."}, nil},
		{"/?by=tag", []string{"team=team 3 13"}, []string{"worst first"}},
		{"/?by=issuer", []string{"CN=CA 4 5"}, nil},
		{"/?by=group", []string{"group 90 30 0 0 60"}, nil},
		{"/findings", []string{"cert-expired", "30 hosts", "crl-stale"}, []string{"dns-not-found"}},
		{"/findings?q=dns", []string{"dns-not-found", "none"}, []string{"cert-expired"}},
		{"/explain/cert-expired", []string{"All 30 hosts", mustKind(t, finding.CertExpired).Explain, mustKind(t, finding.CertExpired).Risk, mustKind(t, finding.CertExpired).Fix}, nil},
	} {
		text, _ := wholePage(t, c.path, browse(s, c.path))
		for _, want := range c.has {
			if !strings.Contains(text, strings.Join(strings.Fields(want), " ")) {
				t.Errorf("%s: without %q: %s", c.path, want, text)
			}
		}
		for _, not := range c.hasNot {
			if strings.Contains(text, not) {
				t.Errorf("%s: has %q: %s", c.path, not, text)
			}
		}
	}
	for path, want := range map[string]int{"/?verdict=fine": 400, "/?by=colour": 400, "/?issuer=x": 400, "/explain/no-such-finding": 404, "/findings?from=x": 400, "/alerts?before=x": 400} {
		if w := browse(s, path); w.Code != want {
			t.Errorf("%s: %d, want %d", path, w.Code, want)
		}
	}
	// Pages hold each host once.
	rows := map[string]bool{}
	for path := "/"; path != ""; {
		w := browse(s, path)
		wholePage(t, path, w)
		path = ""
		if m := nextForm.FindStringSubmatch(w.Body.String()); m != nil {
			path = m[1]
		}
		for _, m := range rowForm.FindAllStringSubmatch(w.Body.String(), -1) {
			if rows[m[1]] {
				t.Errorf("host %s stands twice", m[1])
			}
			rows[m[1]] = true
		}
	}
	if len(rows) != 90 {
		t.Errorf("%d hosts on all pages", len(rows))
	}
}

func mustKind(t *testing.T, id finding.ID) finding.Kind {
	t.Helper()
	k, ok := finding.Lookup(id)
	if !ok {
		t.Fatal(id)
	}
	return k
}

// TestForms: every form is refused without its page's word, and does what it says with it.
func TestForms(t *testing.T) {
	s, err := start(t, Settings{}, loopback, nil)
	if err != nil {
		t.Fatal(err)
	}
	fill(t, s, 3, "")
	when, err := alert.ParseCondition("verdict is not accept for 10m")
	if err != nil {
		t.Fatal(err)
	}
	s.Alerts.Use(alert.Config{Rules: []alert.Rule{{Name: "refused", When: when, Severity: "critical"}}})
	if err := s.Alerts.Evaluate(t.Context(), time.Now().Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	all, err := s.Alerts.Alerts(t.Context(), false, 0, 0)
	if err != nil || len(all) != 1 {
		t.Fatal(all, err)
	}
	csrf := csrfForm.FindStringSubmatch(browse(s, "/alerts").Body.String())[1]
	ack := fmt.Sprintf("/alerts/%d/acknowledge", all[0].ID)
	for _, c := range []struct {
		name, path string
		form       url.Values
		want       int
	}{
		{"acknowledge", ack, url.Values{"comment": {"<b>mine"}}, 303},
		{"acknowledge nothing", "/alerts/999/acknowledge", url.Values{}, 404},
		{"acknowledge a word", "/alerts/x/acknowledge", url.Values{}, 400},
		{"silence", "/silences", url.Values{"target": {"host 00000"}, "hours": {"24"}}, 303},
		{"silence of nothing", "/silences", url.Values{"hours": {"24"}}, 422},
		{"silence for ever", "/silences", url.Values{"target": {"a"}, "hours": {"99999"}}, 400},
		{"silence for no time", "/silences", url.Values{"target": {"a"}}, 422},
		{"end a silence", "/silences/1/end", url.Values{}, 303},
		{"check a watched server", "/check", url.Values{"target": {"127.0.0.1:1"}}, 200},
		{"check a stranger's private one", "/check", url.Values{"target": {"127.0.0.1:2"}}, 200},
		{"check nothing", "/check", url.Values{"target": {""}}, 422},
		{"check what is none", "/check", url.Values{"target": {"http://[/"}}, 422},
	} {
		for _, token := range []string{"", "wrong", csrf[1:]} {
			c.form.Set("csrf", token)
			if w := submit(s, c.path, c.form); w.Code != 403 {
				t.Errorf("%s without the page's word: %d", c.name, w.Code)
			}
		}
		c.form.Set("csrf", csrf)
		if w := submit(s, c.path, c.form, "Origin", "http://evil.test"); w.Code != 403 {
			t.Errorf("%s from another site: %d", c.name, w.Code)
		}
		if w := do(s, "POST", c.path, `{"csrf":"`+csrf+`","target":"127.0.0.1:1"}`); w.Code != 415 {
			t.Errorf("%s by what is no form: %d", c.name, w.Code)
		}
		w := submit(s, c.path, c.form)
		if w.Code != c.want {
			t.Errorf("%s: %d, want %d: %s", c.name, w.Code, c.want, w.Body)
		}
		if w.Code != 303 {
			text, _ := wholePage(t, c.name, w)
			switch c.name {
			case "check a watched server":
				if !strings.Contains(text, "connection-refused") {
					t.Errorf("%s: %s", c.name, text)
				}
			case "check a stranger's private one":
				if !strings.Contains(text, "not a public address") {
					t.Errorf("%s: %s", c.name, text)
				}
			}
		}
	}
	if text, _ := wholePage(t, "alerts", browse(s, "/alerts")); !strings.Contains(text, "local looks after it") || !strings.Contains(text, "No silence holds now") {
		t.Error(text)
	}
}

// TestCheckForm: beyond this computer nobody checks any server unless the operator says so.
func TestCheckForm(t *testing.T) {
	token := tokenFile(t, testToken, 0o600)
	proxies := []string{"192.0.2.1/32"}
	for _, c := range []struct {
		s       Settings
		address string
		want    int
	}{
		{Settings{}, loopback, 200},
		{Settings{CheckForm: "off"}, loopback, 404},
		{Settings{UserHeader: "X-User", Proxies: proxies}, loopback, 404},
		{Settings{TokenFile: token, UserHeader: "X-User", Proxies: proxies}, "0.0.0.0:1", 404},
		{Settings{TokenFile: token, UserHeader: "X-User", Proxies: proxies, CheckForm: "on"}, "0.0.0.0:1", 200},
	} {
		s, err := start(t, c.s, c.address, nil)
		if err != nil {
			t.Fatal(err)
		}
		known := []string{"From", "192.0.2.1:1", "X-User", "ann"}
		if len(c.s.Proxies) == 0 {
			known = nil
		}
		w := browse(s, "/check", known...)
		if w.Code != c.want {
			t.Errorf("%+v: %d, want %d", c.s, w.Code, c.want)
		}
		first := browse(s, "/", known...)
		if _, links := wholePage(t, "overview", first); strings.Contains(strings.Join(links, " "), "/check") != (c.want == 200) {
			t.Errorf("%+v: %q", c.s, links)
		}
		csrf := csrfForm.FindStringSubmatch(browse(s, "/alerts", known...).Body.String())[1]
		if w := submit(s, "/check", url.Values{"csrf": {csrf}, "target": {"127.0.0.1:1"}}, known...); w.Code != c.want {
			t.Errorf("%+v: checking: %d, want %d", c.s, w.Code, c.want)
		}
	}
}

// TestCheckLimit: the form counts as the API does.
func TestCheckLimit(t *testing.T) {
	s, err := start(t, Settings{Checks: 2}, loopback, nil)
	if err != nil {
		t.Fatal(err)
	}
	csrf := csrfForm.FindStringSubmatch(browse(s, "/check").Body.String())[1]
	for i, want := range []int{200, 200, 429} {
		w := submit(s, "/check", url.Values{"csrf": {csrf}, "target": {fmt.Sprintf("127.0.0.1:%d", i+10)}})
		if w.Code != want {
			t.Errorf("check %d: %d, want %d", i, w.Code, want)
		}
		if want == 429 {
			if text, _ := wholePage(t, "too many", w); w.Header().Get("Retry-After") == "" || !strings.Contains(text, "Wait ") {
				t.Error(text)
			}
		}
	}
}

// BenchmarkOverview answers with the overview of 10,000 servers, and says how large it is.
//
//	go test ./web -run '^$' -bench Overview
func BenchmarkOverview(b *testing.B) {
	s, err := start(b, Settings{Requests: 1_000_000}, loopback, nil)
	if err != nil {
		b.Fatal(err)
	}
	fill(b, s, 10_000, "")
	for _, c := range []struct{ name, path string }{
		{"first", "/"}, {"search", "/?q=host+0777"}, {"search-issuer", "/?q=cn%3Dca+4"}, {"search-nothing", "/?q=nothing+at+all"}, {"rejected", "/?verdict=reject"}, {"finding", "/?finding=cert-expired"},
		{"tag", "/?tag=team%3Dteam+3"}, {"by-group", "/?by=group"}, {"by-tag", "/?by=tag"}, {"by-issuer", "/?by=issuer"}, {"findings", "/findings"}, {"explain", "/explain/cert-expired"}, {"alerts", "/alerts"},
	} {
		b.Run(c.name, func(b *testing.B) {
			size := 0
			for b.Loop() {
				w := browse(s, c.path)
				if w.Code != 200 {
					b.Fatal(w.Code)
				}
				size = w.Body.Len()
			}
			b.ReportMetric(float64(size)/1024, "KB")
		})
	}
}

package watch

import (
	"context"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/assaytls/assay/finding"
	"github.com/assaytls/assay/internal/lab"
	"github.com/assaytls/assay/internal/target"
	"github.com/assaytls/assay/report"
)

// pair are a watch and one who makes its checks.
func pair(t testing.TB, text string) (*Judges, *Config, *Deputy) {
	t.Helper()
	c := ParseConfig(filepath.Join(t.TempDir(), "watch.yaml"), []byte(text))
	if err := c.Err(); err != nil {
		t.Fatal(err)
	}
	d := &Deputy{Stderr: os.Stderr, CacheDir: t.TempDir()}
	j := &Judges{Stderr: os.Stderr, CacheDir: t.TempDir(), Elsewhere: func(ctx context.Context, q []byte) ([]byte, error) { return d.Answer(ctx, q), nil }}
	if err := j.Use(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	return j, c, d
}

// comparable is what a watch keeps of a report, without what differs from check to check.
func comparable(t testing.TB, r *report.Report) string {
	t.Helper()
	f := factsOf(r)
	var certs []string
	for _, c := range f.certs {
		certs = append(certs, fmt.Sprint(c.sha256, len(c.der), c.place, c.role))
	}
	b, err := json.MarshalIndent(map[string]any{"verdict": f.row.Verdict, "headline": f.row.Headline, "digest": f.digest().String(), "findings": f.findings,
		"certs": certs, "ends": len(f.ends), "chain": f.chain, "seen": f.seen, "reached": f.reached}, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	// Responses of the lab are made when they are asked for, and titles tell the second.
	return clock.ReplaceAllString(string(b), "TIME")
}

var clock = regexp.MustCompile(`\d\d:\d\d:\d\d`)

// What is checked elsewhere comes to the same as here, in everything that is kept, for
// each kind of target.
func TestErrands(t *testing.T) {
	l, err := lab.Start(t.Context(), lab.Options{Only: []string{"good", "expired", "revoked", "revoked-intermediate", "wildcard*", "must-staple*"}})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	var b strings.Builder
	b.WriteString("groups:\n")
	for i, s := range l.Scenarios {
		if !s.Local {
			fmt.Fprintf(&b, "  - name: g%d\n    check: {roots: %s, log-list: %s, resolve: '*:%s:127.0.0.1'}\n    targets: ['%s']\n", i, l.RootFile, l.LogListFile, s.Port, s.Target())
		}
	}
	good, _ := l.Scenario("good")
	issuer := filepath.Join(t.TempDir(), "issuer.pem")
	if err := os.WriteFile(issuer, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: good.Chain[0]}), 0o600); err != nil {
		t.Fatal(err)
	}
	fmt.Fprintf(&b, "authorities:\n  - {name: ours, issuer: %s, urls: ['%s/nowhere.crl']}\n", issuer, l.BaseURL)
	j, c, _ := pair(t, b.String())
	here := &Judges{Stderr: os.Stderr, CacheDir: t.TempDir()}
	if err := here.Use(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	verdicts := map[report.Verdict]int{}
	for _, s := range c.Specs() {
		there := j.Judge(t.Context(), s)
		if there.Unmade != nil {
			t.Errorf("%s: %v", s.Target, there.Unmade)
			continue
		}
		verdicts[there.Report.Verdict]++
		if got, want := comparable(t, there.Report), comparable(t, here.Judge(t.Context(), s).Report); got != want {
			t.Errorf("%s: elsewhere %s\nhere %s", s.Target, got, want)
		}
	}
	if verdicts[report.Accept] == 0 || verdicts[report.Reject] == 0 {
		t.Errorf("verdicts %v", verdicts)
	}
	// Rules that are asked for, and what cannot be asked.
	spec := c.Specs()[0]
	o, err := j.Ask(t.Context(), Question{Spec: spec, Policy: map[string][]string{"max-depth": {"0"}}})
	if err != nil || o.Report.Verdict != report.Reject {
		t.Errorf("a stricter rule: %v, %+v", err, o.Report)
	}
	var u *target.Usage
	if _, err := j.Ask(t.Context(), Question{Spec: spec, Policy: map[string][]string{"min-rsa": {"x"}}}); !errors.As(err, &u) {
		t.Errorf("a rule that is none: %v", err)
	}
}

// Strangers are kept to public addresses and the networks of the watch, by whoever
// makes the check.
func TestErrandStrangers(t *testing.T) {
	l, err := lab.Start(t.Context(), lab.Options{Only: []string{"good"}})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	good, _ := l.Scenario("good")
	j, _, _ := pair(t, fmt.Sprintf("groups:\n  - {name: default, check: {roots: %s, log-list: %s, resolve: '*:%s:127.0.0.1'}}\n", l.RootFile, l.LogListFile, good.Port))
	ask := Question{Spec: Spec{Kind: Server, Target: good.Target(), Group: "default", Origin: FromAPI}}
	var u *target.Usage
	if _, err := j.Ask(t.Context(), ask); !errors.As(err, &u) {
		t.Errorf("nobody may ask: %v", err)
	}
	for text, want := range map[string]bool{"192.0.2.0/24": false, "127.0.0.0/8": true} {
		if err := j.Reach(t.Context(), []netip.Prefix{netip.MustParsePrefix(text)}); err != nil {
			t.Fatal(err)
		}
		o, err := j.Ask(t.Context(), ask)
		if err != nil {
			t.Fatal(err)
		}
		if reached := o.Report.Connection != nil && len(o.Report.Sent) > 0; reached != want {
			t.Errorf("%s allowed: reached %t: %+v", text, reached, o.Report.Headline)
		}
	}
}

// Who has other files than the watch refuses; an answer that is none is no answer. Both
// say nothing about the target.
func TestErrandRefused(t *testing.T) {
	l, err := lab.Start(t.Context(), lab.Options{Only: []string{"good"}})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	good, _ := l.Scenario("good")
	roots := filepath.Join(t.TempDir(), "roots.pem")
	put := func(ders ...[]byte) {
		var all []byte
		for _, der := range ders {
			all = append(all, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})...)
		}
		if err := os.WriteFile(roots, all, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	put(l.Roots[0])
	j, c, d := pair(t, fmt.Sprintf("groups:\n  - {name: g, check: {roots: %s, log-list: %s, resolve: '*:%s:127.0.0.1'}, targets: ['%s']}\n", roots, l.LogListFile, good.Port, good.Target()))
	spec := c.Specs()[0]
	put(l.Roots[0], good.Chain[0])
	if o := j.Judge(t.Context(), spec); !errors.Is(o.Unmade, ErrUnmade) || errors.Is(o.Unmade, ErrAway) || !strings.Contains(o.Unmade.Error(), "trust anchors are not those of the watch") {
		t.Errorf("other roots: %+v", o)
	}
	put(l.Roots[0])
	d.groups = nil // as after readAgainOdd
	if o := j.Judge(t.Context(), spec); o.Unmade != nil || o.Report.Verdict != report.Accept {
		t.Errorf("the same roots again: %+v", o)
	}
	whole := j.Elsewhere
	sound, err := whole(t.Context(), mustPack(t, (&task{Question: Question{Spec: spec}, group: j.groups["g"]}).errand(time.Minute)))
	if err != nil {
		t.Fatal(err)
	}
	forged := func(f func(*reply)) []byte {
		var r reply
		if err := unpack(sound, &r, maxReport); err != nil {
			t.Fatal(err)
		}
		f(&r)
		return mustPack(t, r)
	}
	for name, answer := range map[string][]byte{
		"nothing":            nil,
		"no JSON":            []byte("x"),
		"another version":    forged(func(r *reply) { r.Version = 2 }),
		"no report":          forged(func(r *reply) { r.Report = nil }),
		"servers of its own": forged(func(r *reply) { r.Servers = []string{"a.test:443"}; r.Resolved = true }),
		"a path that is not": forged(func(r *reply) { r.Report.Chosen = 99 }),
		"a certificate that is not": forged(func(r *reply) {
			r.Report.Paths[0].Certs[0].Cert = 99
		}),
		"a bomb": mustPack(t, strings.Repeat(" ", maxReport)),
	} {
		j.Elsewhere = func(context.Context, []byte) ([]byte, error) { return answer, nil }
		if o := j.Judge(t.Context(), spec); !errors.Is(o.Unmade, ErrUnmade) || o.Report != nil {
			t.Errorf("%s: %+v", name, o)
		}
	}
	// A verdict is what the findings come to.
	j.Elsewhere = func(context.Context, []byte) ([]byte, error) {
		return forged(func(r *reply) {
			r.Report.Findings = append(r.Report.Findings, finding.New(finding.CertRevoked))
			r.Report.Verdict = report.Accept
		}), nil
	}
	if o := j.Judge(t.Context(), spec); o.Unmade != nil || o.Report.Verdict != report.Reject {
		t.Errorf("a verdict of its own: %+v", o)
	}
}

func mustPack(t testing.TB, v any) []byte {
	t.Helper()
	b, err := pack(v)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// An errand survives its way, and a question that is none ends in an answer that says so.
func FuzzErrand(f *testing.F) {
	f.Add([]byte(`{"version":1,"kind":"server","target":"127.0.0.1:1","origin":"config","settings":[{"name":"ct","values":["none"]}],"limit":1}`))
	f.Add([]byte(`{"version":1,"kind":"crl","target":"http://127.0.0.1:1/a.crl","issuer":"MAA="}`))
	f.Add([]byte(`{"version":2}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		var e, again errand
		if json.Unmarshal(b, &e) != nil {
			return
		}
		if err := unpack(mustPack(t, e), &again, maxQuestion); err == nil && !reflect.DeepEqual(string(mustPack(t, e)), string(mustPack(t, again))) {
			t.Errorf("%+v became %+v", e, again)
		}
		e.Settings, e.Target = nil, "127.0.0.1:1" // no files and nobody else's servers
		if e.Kind == CRL || e.Kind == OCSP {
			e.Target = "http://127.0.0.1:1/"
		}
		e.Kind = map[bool]Kind{true: e.Kind, false: Server}[e.Kind == CRL || e.Kind == OCSP]
		var r reply
		if err := unpack((&Deputy{CacheDir: t.TempDir()}).Answer(t.Context(), mustPack(t, e)), &r, maxReport); err != nil || r.Refused == "" && r.Usage == "" && r.Report == nil {
			t.Errorf("%+v, %v", r, err)
		}
	})
}

package watch

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

const goodConfig = `# what we watch
version: 1
interval: 30m
workers: 8
retain: {age: 100d, reports: 10}
groups:
  - name: web
    labels: {team: infra}
    check:
      unknown: warn
      expires-within: 14d
      resolve: [a.test:443:127.0.0.1]
    targets:
      - a.test
      - target: b.test:8443
        name: the shop
        interval: 5m
        labels: {team: shop, tier: "1"}
    lists: [hosts.txt]
  - name: mail
    check: {starttls: smtp}
    targets: ["mx.test:25", "mx:example.com"]
authorities:
  - name: Our CA
    issuer: ca.pem
    urls: [http://127.0.0.1:1/ca.crl, http://127.0.0.1:1/ocsp]
alerts:
  anything: [at, all]
`

func TestConfig(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "hosts.txt"), []byte("# hosts\nc.test # the third\n\na.test\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	c := ParseConfig(filepath.Join(dir, "watch.yaml"), []byte(goodConfig))
	if err := c.Err(); err != nil {
		t.Fatal(err)
	}
	if c.Interval != 30*time.Minute || c.Workers != 8 || c.Retain.Age != 100*24*time.Hour || c.Retain.Reports != 10 || c.Retain.States != DefaultRetention.States {
		t.Errorf("%+v", c)
	}
	var got []string
	for _, s := range c.Specs() {
		got = append(got, strings.Join([]string{s.Group, string(s.Kind), s.Target, s.Name, s.Interval.String(), s.Labels["team"]}, " "))
	}
	want := []string{"web server a.test a.test 30m0s infra", "web server b.test:8443 the shop 5m0s shop", "web server c.test c.test 30m0s infra",
		"mail server mx.test:25 mx.test:25 30m0s ", "mail service mx:example.com mx:example.com 30m0s ",
		"Our CA crl http://127.0.0.1:1/ca.crl http://127.0.0.1:1/ca.crl 30m0s ", "Our CA ocsp http://127.0.0.1:1/ocsp http://127.0.0.1:1/ocsp 30m0s "}
	if !slices.Equal(got, want) {
		t.Errorf("%q\nnot %q", got, want)
	}
	if web, mail := c.Group("web"), c.Group("mail"); web.settings.digest == mail.settings.digest || web.settings.rules.Unknown.String() != "warn" {
		t.Errorf("%+v", web.settings.rules)
	}
	if c.Section("alerts") == nil || c.Section("web") != nil {
		t.Error("sections")
	}
}

// TestConfigProblems: what is wrong is told with its line, all at once, and
// nothing is believed in silence.
func TestConfigProblems(t *testing.T) {
	for text, want := range map[string][]string{
		"groups:\n  - name: web\n    interval: 1s\n    target: [a.test]\n": {"w.yaml:3:15: groups[0].interval: it must be from 10s to 720h", `w.yaml:4:5: groups[0]: there is no "target" here; did you mean "targets"?`},
		"groups:\n  - targets: [a.test]\n":                                 {"w.yaml:2:5: groups[0]: the group has no name"},
		"groups:\n  - {name: a, targets: [x.test, x.test]}\n":              {"w.yaml:2:33: groups[0].targets[1]: x.test is in this group already (line 2)"},
		"groups:\n  - {name: a}\n  - {name: a}\n":                          {"w.yaml:3:12: groups[1].name: there is another group or CA of this name"},
		"groups:\n  - name: a\n    check: {unknwon: warn}\n":               {`w.yaml:3:13: groups[0].check: there is no "unknwon"; did you mean "unknown"?`},
		"groups:\n  - name: a\n    check: {unknown: maybe}\n":              {`w.yaml:3:22: groups[0].check.unknown: must be one of inconclusive, allow, warn, deny`},
		"groups:\n  - name: a\n    check: {time: 2020-01-01T00:00:00Z}\n":  {`w.yaml:3:13: groups[0].check: "time" cannot be set here: checks are about the time at which they run`},
		"groups:\n  - name: a\n    check: {ipv4: true, ipv6: true}\n":      {"w.yaml:3:12: groups[0].check: -4 and -6 cannot be used together"},
		"groups:\n  - name: a\n    targets: [\"a b\"]\n":                   {"w.yaml:3:15: groups[0].targets[0]: "},
		"groups:\n  - name: a\n    lists: nowhere.txt\n":                   {"w.yaml:3:12: groups[0].lists: "},
		"groups: &x\n  - name: a\n":                                        {"w.yaml:1:9: anchors and aliases"},
		"a: 1\na: 2\n":                                                     {"w.yaml:"},
		"version: 2\n":                                                     {"w.yaml:1:10: version: it must be a number from 1 to 1"},
		"workers: many\n":                                                  {"w.yaml:1:10: workers: it must be a number from 1 to 1000"},
		"- a\n":                                                            {"w.yaml:1:1: it must be an object"},
		"a: [b\n":                                                          {"w.yaml:"},
		"database: postgres://u:secret@h/n\n":                              {"w.yaml:1:11: database: the address of the database has the password in it"},
		"authorities:\n  - {name: a, urls: [ldap://x/]}\n":                 {"w.yaml:2:5: authorities[0]: the CA has no issuer", "w.yaml:2:22: authorities[0].urls[0]: "},
		"version: 1\n---\nversion: 1\n":                                    {"there is a second document in the file"},
	} {
		c := ParseConfig("w.yaml", []byte(text))
		err := c.Err()
		if err == nil {
			t.Errorf("%q is taken", text)
			continue
		}
		for _, w := range want {
			if !strings.Contains(err.Error(), w) {
				t.Errorf("%q: %v\nlacks %s", text, err, w)
			}
		}
		if strings.Contains(err.Error(), "secret") {
			t.Errorf("%q: the password is shown: %v", text, err)
		}
	}
	if c := ParseConfig("w.yaml", []byte("groups:\n"+strings.Repeat("  - {name: '', interval: x}\n", 50))); len(c.problems.All) != maxProblems || c.problems.More == 0 {
		t.Errorf("%d problems are told and %d counted", len(c.problems.All), c.problems.More)
	}
}

func FuzzConfig(f *testing.F) {
	f.Add([]byte(goodConfig))
	f.Add([]byte("groups:\n  - name: a\n    check: {min-rsa: 1, roots: x, ciphers: [a]}\n    targets: ['[::1]:1', 'srv:_imaps._tcp.a']\n"))
	f.Add([]byte("a: &a [*a]\n"))
	f.Add([]byte("? [a]: b\n<<: {x: y}\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		c := ParseConfig(filepath.Join(t.TempDir(), "w.yaml"), b)
		if err := c.Err(); err != nil {
			return
		}
		for _, s := range c.Specs() {
			if s.Kind == "" || s.Group == "" || s.Interval < MinInterval || s.Interval > MaxInterval {
				t.Errorf("%+v", s)
			}
			if g := c.Group(s.Group); g == nil && c.authority(s.Group) == nil {
				t.Errorf("no group %q", s.Group)
			}
		}
	})
}

package cli

import (
	"errors"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/assaytls/assay/internal/tlsclient"
)

func TestParseTarget(t *testing.T) {
	for _, c := range []struct{ in, host, port, hint string }{
		{"example.com", "example.com", "", ""},
		{"example.com:8443", "example.com", "8443", ""},
		{"example.com:0443", "example.com", "443", ""},
		{"EXAMPLE.com.", "EXAMPLE.com.", "", ""},
		{"_dmarc.example.com", "_dmarc.example.com", "", ""},
		{"bücher.example", "bücher.example", "", ""},
		{"localhost", "localhost", "", ""},
		{"127.0.0.1", "127.0.0.1", "", ""},
		{"127.0.0.1:8443", "127.0.0.1", "8443", ""},
		{"::1", "::1", "", ""},
		{"2001:db8::1", "2001:db8::1", "", ""},
		{"[::1]", "::1", "", ""},
		{"[::1]:8443", "::1", "8443", ""},
		{"fe80::1%eth0", "fe80::1%eth0", "", ""},
		{"https://example.com", "example.com", "", ""},
		{"https://example.com/", "example.com", "", ""},
		{"HTTPS://example.com:8443/", "example.com", "8443", ""},
		{"https://[::1]:8443/a?b#c", "::1", "8443", "/a?b#c"},
		{"https://example.com/me@home", "example.com", "", "/me@home"},
		{"smtp://mail.example", "mail.example", "", ""},
		{"IMAPS://mail.example:1993", "mail.example", "1993", ""},
		{"example.com/path", "example.com", "", "/path"},
	} {
		got, err := parseTarget(c.in)
		if err != nil {
			t.Errorf("%s: %v", c.in, err)
			continue
		}
		if got.host != c.host || got.port != c.port || got.input != c.in {
			t.Errorf("%s: %+v", c.in, got)
		}
		if (got.hint == "") != (c.hint == "") || !strings.Contains(got.hint, c.hint) {
			t.Errorf("%s: hint %q, want %q", c.in, got.hint, c.hint)
		}
	}
	for _, in := range []string{
		"", ":", ":443", "example.com:", "example.com:0", "example.com:65536", "example.com:https", "example.com:+443", "example.com:4 43",
		"exa mple.com", "example..com", ".example.com", "-a.example", "a-.example", "a\x1bb", "a\x00b", "user@example.com",
		"http://example.com", "gopher://example.com", "://x", "https://", "https:///path", "https://user:pw@example.com/",
		"[::1", "[::1]443", "[::1]:", "[example.com]:443", "[127.0.0.1]", "2001:db8::1::443", "a:b:c",
		"300.1.1.1", "1.2.3", "127.1", "1.2.3.4.5", "256",
		strings.Repeat("a", 64) + ".com", strings.Repeat("a.", 127) + "com", "*.example.com", "\u202eexample.com",
	} {
		got, err := parseTarget(in)
		var u *usageError
		if !errors.As(err, &u) {
			t.Errorf("%q was read as %+v (%v)", in, got, err)
		}
	}
}

// Every protocol that has STARTTLS is asked for by flag and by scheme, on its
// port; a web client's protocols are offered to web servers only.
func TestTargetProtocols(t *testing.T) {
	config := func(s string, set func(*connFlags)) (tlsclient.Config, error) {
		target, err := parseTarget(s)
		if err != nil {
			t.Fatal(err)
		}
		f := &connFlags{}
		f.add(&cobra.Command{})
		f.proxy = "none"
		set(f)
		return f.config(target)
	}
	none := func(*connFlags) {}
	for _, p := range tlsclient.StartTLSProtocols() {
		byScheme, err := config(p+"://a.test", none)
		if err != nil {
			t.Fatal(err)
		}
		byFlag, err := config("a.test", func(f *connFlags) { f.starttls.value = p })
		if err != nil {
			t.Fatal(err)
		}
		for how, c := range map[string]tlsclient.Config{"scheme": byScheme, "flag": byFlag} {
			if c.StartTLS != p || c.Port != tlsclient.StartTLSPort(p) || c.Port == "" || len(c.ALPN) > 0 {
				t.Errorf("%s by %s: %+v", p, how, c)
			}
		}
		if _, err := config("https://a.test", func(f *connFlags) { f.starttls.value = p }); err == nil {
			t.Errorf("--starttls %s and https:// go together", p)
		}
	}
	for in, want := range map[string]struct {
		port, starttls string
		web            bool
	}{
		"a.test": {"443", "", true}, "https://a.test:465": {"465", "", true}, "a.test:8443": {"8443", "", true}, "a.test:465": {"465", "", false},
		"smtps://a.test": {"465", "", false}, "imaps://a.test": {"993", "", false}, "pop3s://a.test:1995": {"1995", "", false}, "ldaps://a.test": {"636", "", false},
		"ftps://a.test": {"990", "", false}, "xmpps://a.test": {"5223", "", false}, "postgresql://a.test": {"5432", "postgres", false},
	} {
		c, err := config(in, none)
		if err != nil || c.Port != want.port || c.StartTLS != want.starttls || (c.ALPN == nil) != want.web {
			t.Errorf("%s: %+v, %v", in, c, err)
		}
	}
	for in, want := range map[string]int{"": 0, "h2": 1, "imap,x": 2} {
		c, err := config("smtps://a.test", func(f *connFlags) {
			if err := f.alpn.Set(in); err != nil {
				t.Fatal(err)
			}
		})
		if err != nil || c.ALPN == nil || len(c.ALPN) != want {
			t.Errorf("--alpn %q: %v, %v", in, c.ALPN, err)
		}
	}
}

func FuzzParseTarget(f *testing.F) {
	for _, s := range []string{"example.com:443", "[::1]:1", "https://a/b", "::1", "bücher.example"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		got, err := parseTarget(s)
		if err == nil && (got.host == "" || checkHost(got.host) != nil || got.port != "" && checkPort(got.port) != nil) {
			t.Fatalf("%q: %+v", s, got)
		}
	})
}

func TestValues(t *testing.T) {
	for _, c := range []struct {
		name      string
		make      func() pflag.Value
		good, bad []string
	}{
		{"enum", func() pflag.Value { return &enum{allowed: []string{"text", "json"}} }, []string{"text", "json"}, []string{"", "TEXT", "xml", "text,json"}},
		{"duration", func() pflag.Value { return &duration{} }, []string{"1ms", "10s", "1h30m"}, []string{"", "10", "0s", "-1s", "1y", "1e400s", "99999999h"}},
		{"size", func() pflag.Value { return &size{} }, []string{"1", "64MiB", "10M", "500kB", "1GiB"}, []string{"", "0", "-1", "1.5MiB", "MiB", "10TB", "9223372036854775807KiB", "99999999999999999999"}},
		{"moment", func() pflag.Value { return &moment{} }, []string{"2026-12-01T00:00:00Z", "2026-12-01T00:00:00+02:00"}, []string{"", "now", "2026-12-01", "2026-13-01T00:00:00Z", "1764547200"}},
		{"number", func() pflag.Value { return &number{low: 0, high: 5} }, []string{"0", "5"}, []string{"", "-1", "6", "1.0", "x", "99999999999999999999"}},
		{"schemes", func() pflag.Value { return &schemes{} }, []string{"off", "crl", "staple,ocsp,crl"}, []string{"", "on", "crlite", "crl,", "crl,crl", "off,crl", "CRL", "crl, ocsp"}},
		{"resolve", func() pflag.Value { return &resolutions{} },
			[]string{"example.com:443:127.0.0.1", "a.test:1:127.0.0.1,::1", "a.test:443:[::1]", "*:443:127.0.0.1"},
			[]string{"", "a", "a:443", "a:443:", ":443:127.0.0.1", "a:443:b", "a:0:127.0.0.1", "a:443:127.0.0.1,", "a b:443:127.0.0.1", "[::1]:443:127.0.0.1"}},
		{"oid", func() pflag.Value { return &words{check: checkOID} }, []string{"2.5.29.32.0", "2.23.140.1.2.1", "1.3.6", "2.999.1"}, []string{"", "1", "3.1", "1.40", "1.2.03", "1..2", "a.b", "1.2."}},
		{"list", func() pflag.Value { return &words{splitter: ","} }, []string{"h2", "h2,http/1.1"}, []string{"", "h2,", ",h2"}},
	} {
		for _, g := range c.good {
			v := c.make()
			if err := v.Set(g); err != nil {
				t.Errorf("%s: %q: %v", c.name, g, err)
			}
			if v.String() == "" || v.Type() == "" && c.name != "oid" && c.name != "list" {
				t.Errorf("%s: %q prints as %q, type %q", c.name, g, v.String(), v.Type())
			}
		}
		for _, b := range c.bad {
			if err := c.make().Set(b); err == nil {
				t.Errorf("%s: %q was accepted", c.name, b)
			}
		}
	}
}

func TestQuoteLines(t *testing.T) {
	for in, want := range map[string]string{
		"a  b ": "a  b ", "a\nb": "a; b", "a\x1b[1mb c": `a\u{1b}[1mb c`, strings.Repeat("x", 300) + ": too long": strings.Repeat("x", 256) + "… too long",
	} {
		if got := quoteLines(in); got != want {
			t.Errorf("%q: %q", in, got)
		}
	}
}

func TestWorse(t *testing.T) {
	for _, c := range []struct{ a, b, want int }{
		{0, 0, 0}, {0, 3, 3}, {3, 0, 3}, {3, 1, 1}, {1, 3, 1}, {1, 0, 1}, {2, 1, 2}, {3, 2, 2},
	} {
		if got := worse(c.a, c.b); got != c.want {
			t.Errorf("worse(%d, %d) = %d", c.a, c.b, got)
		}
	}
}

func TestNearest(t *testing.T) {
	for in, want := range map[string]string{"chek": "check", "chekc": "check", "vrify": "verify", "zzz": "", "": ""} {
		if got := nearest(in, []string{"check", "verify", "show"}); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
}

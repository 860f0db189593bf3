package target_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/assaytls/assay/internal/target"
	"github.com/assaytls/assay/internal/tlsclient"
	"github.com/assaytls/assay/policy"
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
		got, err := target.Parse(c.in)
		if err != nil {
			t.Errorf("%s: %v", c.in, err)
			continue
		}
		if got.Host != c.host || got.Port != c.port || got.Input != c.in {
			t.Errorf("%s: %+v", c.in, got)
		}
		if (got.Hint == "") != (c.hint == "") || !strings.Contains(got.Hint, c.hint) {
			t.Errorf("%s: hint %q, want %q", c.in, got.Hint, c.hint)
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
		got, err := target.Parse(in)
		var u *target.Usage
		if !errors.As(err, &u) {
			t.Errorf("%q was read as %+v (%v)", in, got, err)
		}
	}
}

// Every protocol that has STARTTLS is asked for by flag and by scheme, on its
// port; a web client's protocols are offered to web servers only.
func TestTargetProtocols(t *testing.T) {
	config := func(s string, set func(*target.Connection)) (tlsclient.Config, error) {
		to, err := target.Parse(s)
		if err != nil {
			t.Fatal(err)
		}
		f := &target.Connection{Proxy: target.NoProxy}
		set(f)
		return f.Config(to)
	}
	none := func(*target.Connection) {}
	for _, p := range tlsclient.StartTLSProtocols() {
		byScheme, err := config(p+"://a.test", none)
		if err != nil {
			t.Fatal(err)
		}
		byFlag, err := config("a.test", func(f *target.Connection) { f.StartTLS = p })
		if err != nil {
			t.Fatal(err)
		}
		for how, c := range map[string]tlsclient.Config{"scheme": byScheme, "flag": byFlag} {
			if c.StartTLS != p || c.Port != tlsclient.StartTLSPort(p) || c.Port == "" || len(c.ALPN) > 0 {
				t.Errorf("%s by %s: %+v", p, how, c)
			}
		}
		if _, err := config("https://a.test", func(f *target.Connection) { f.StartTLS = p }); err == nil {
			t.Errorf("--starttls %s and https:// go together", p)
		}
	}
	for in, want := range map[string]struct {
		port, starttls string
		web            bool
	}{
		"a.test": {"443", "", true}, "https://a.test:465": {"465", "", true}, "a.test:8443": {"8443", "", true}, "a.test:465": {"465", "", false},
		"smtps://a.test": {"465", "", false}, "imaps://a.test": {"993", "", false}, "pop3s://a.test:1995": {"1995", "", false}, "ldaps://a.test": {"636", "", false},
		"wss://a.test": {"443", "", true}, "submission://a.test": {"587", "smtp", false}, "submissions://a.test": {"465", "", false}, "mqtts://a.test": {"8883", "", false},
		"rediss://a.test": {"6379", "", false}, "amqps://a.test": {"5671", "", false}, "ircs://a.test": {"6697", "", false}, "nntps://a.test": {"563", "", false},
		"sips://a.test": {"5061", "", false}, "SIEVE://a.test": {"4190", "sieve", false}, "a.test:443": {"443", "", true}, "a.test:8883": {"8883", "", false},
		"ftps://a.test": {"990", "", false}, "xmpps://a.test": {"5223", "", false}, "postgresql://a.test": {"5432", "postgres", false},
	} {
		c, err := config(in, none)
		web := c.ALPN == nil || slices.Equal(c.ALPN, []string{"http/1.1"}) // WebSocket begins with HTTP/1.1
		if err != nil || c.Port != want.port || c.StartTLS != want.starttls || web != want.web {
			t.Errorf("%s: %+v, %v", in, c, err)
		}
	}
	for in, direct := range map[string]bool{"postgresql://a.test/db?sslmode=require&sslnegotiation=direct": true, "postgres://a.test:5433?sslnegotiation=direct": true,
		"a.test:5432": true, "postgres://a.test?sslnegotiation=postgres": false, "https://a.test/?sslnegotiation=direct": false, "a.test:5433": false} {
		c, err := config(in, none)
		if err != nil || slices.Equal(c.ALPN, []string{"postgresql"}) != direct || direct && c.StartTLS != "" {
			t.Errorf("%s: %+v, %v", in, c, err)
		}
	}
	if _, err := config("postgres://a.test?sslnegotiation=direct", func(f *target.Connection) { f.StartTLS = "postgres" }); err == nil {
		t.Error("--starttls postgres and sslnegotiation=direct go together")
	}
	for _, offer := range [][]string{{}, {"h2"}, {"imap", "x"}} {
		c, err := config("smtps://a.test", func(f *target.Connection) { f.ALPN = offer })
		if err != nil || c.ALPN == nil || len(c.ALPN) != len(offer) {
			t.Errorf("ALPN %q: %v, %v", offer, c.ALPN, err)
		}
	}
}

// An unknown scheme is answered with those that are known.
func TestUnknownScheme(t *testing.T) {
	_, err := target.Parse("gopher://a.test")
	var u *target.Usage
	if !errors.As(err, &u) {
		t.Fatal(err)
	}
	for _, scheme := range target.Schemes() {
		if !strings.Contains(u.Hints[0], scheme) {
			t.Errorf("%q does not name %s", u.Hints[0], scheme)
		}
	}
}

// What --ehlo takes.
func TestEHLO(t *testing.T) {
	to := target.Target{Host: "a.test"}
	for _, good := range []string{"client.test", "localhost", "[192.0.2.1]", "[IPv6:2001:db8::1]"} {
		f := &target.Connection{EHLO: good, Proxy: target.NoProxy}
		if c, err := f.Config(to); err != nil || c.EHLO != good {
			t.Errorf("%s: %v", good, err)
		}
	}
	for _, bad := range []string{"a b", "a\r\nDATA", "[x]", "[", "b\u00fccher.test", "a..b"} {
		if _, err := (&target.Connection{EHLO: bad, Proxy: target.NoProxy}).Config(to); err == nil {
			t.Errorf("%q was accepted", bad)
		}
	}
}

func FuzzParseTarget(f *testing.F) {
	for _, s := range []string{"example.com:443", "[::1]:1", "https://a/b", "::1", "bücher.example"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		got, err := target.Parse(s)
		if err == nil && (got.Host == "" || policy.CheckHost(got.Host) != nil || got.Port != "" && target.CheckPort(got.Port) != nil) {
			t.Fatalf("%q: %+v", s, got)
		}
	})
}

// What --resolve takes.
func TestResolutions(t *testing.T) {
	for _, good := range []string{"example.com:443:127.0.0.1", "a.test:1:127.0.0.1,::1", "a.test:443:[::1]", "*:443:127.0.0.1"} {
		var v target.Resolutions
		if err := v.Set(good); err != nil || v.String() != good {
			t.Errorf("%q: %v, %q", good, err, v.String())
		}
	}
	for _, bad := range []string{"", "a", "a:443", "a:443:", ":443:127.0.0.1", "a:443:b", "a:0:127.0.0.1", "a:443:127.0.0.1,", "a b:443:127.0.0.1", "[::1]:443:127.0.0.1"} {
		if err := new(target.Resolutions).Set(bad); err == nil {
			t.Errorf("%q was accepted", bad)
		}
	}
}

// What --alpn takes.
func TestCheckALPN(t *testing.T) {
	if target.CheckALPN(strings.Repeat("a", 256)) == nil || target.CheckALPN(strings.Repeat("a", 255)) != nil {
		t.Error("the bound of 255 octets (RFC 7301)")
	}
}

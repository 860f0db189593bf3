package cli

import (
	"bufio"
	"crypto/sha256"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/assaytls/assay/cert"
	"github.com/assaytls/assay/finding"
	"github.com/assaytls/assay/internal/command"
	"github.com/assaytls/assay/internal/lab/forge"
	"github.com/assaytls/assay/internal/lab/peers"
	"github.com/assaytls/assay/report"
)

// starttlsServer offers STARTTLS in SMTP with a certificate.
func starttlsServer(t *testing.T, c tls.Certificate) (port string) {
	t.Helper()
	addr := answering(t, func(conn net.Conn) {
		r := bufio.NewReader(conn)
		io.WriteString(conn, "220 mx.test\r\n")
		r.ReadString('\n')
		io.WriteString(conn, "250-mx.test\r\n250 STARTTLS\r\n")
		r.ReadString('\n')
		io.WriteString(conn, "220 go\r\n")
		s := tls.Server(conn, &tls.Config{Certificates: []tls.Certificate{c}})
		s.Handshake()
		io.Copy(io.Discard, s)
	})
	_, port, _ = net.SplitHostPort(addr)
	return port
}

// tlsServer begins with TLS.
func tlsServer(t *testing.T, c tls.Certificate) (port string) {
	t.Helper()
	addr := answering(t, func(conn net.Conn) {
		s := tls.Server(conn, &tls.Config{Certificates: []tls.Certificate{c}})
		s.Handshake()
		io.Copy(io.Discard, s)
	})
	_, port, _ = net.SplitHostPort(addr)
	return port
}

func files(t *testing.T, c tls.Certificate, key *forge.Key) (certFile, keyFile string) {
	t.Helper()
	dir := t.TempDir()
	certFile, keyFile = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	if err := os.WriteFile(certFile, forge.PEM("CERTIFICATE", c.Certificate...), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(keyFile, key.PEM(), 0o644); err != nil {
		t.Fatal(err)
	}
	return certFile, keyFile
}

// BIND serves zones, unbound verifies their DNSSEC, and assay asks unbound.
func TestDANEAgainstRealResolver(t *testing.T) {
	peers.Path(t, "named")
	peers.Path(t, "unbound")
	root := forge.NewRoot("Root", nil)
	rootFile := filepath.Join(t.TempDir(), "root.pem")
	if err := os.WriteFile(rootFile, forge.PEM("CERTIFICATE", root.Raw), 0o644); err != nil {
		t.Fatal(err)
	}
	key := forge.P256()
	leaf := root.Issue(forge.Cert{Subject: forge.CN("all"), Key: key, Extensions: root.ServerExts(key, forge.DNS("mx.dane.test"), forge.DNS("web.dane.test"),
		forge.DNS("www.dane.test"), forge.DNS("dane.test"), forge.DNS("a.plain.test"), forge.DNS("mx.bogus.test"))})
	other := root.Server("mx2.dane.test", nil)
	smtp, web := starttlsServer(t, leaf.TLS()), tlsServer(t, leaf.TLS())
	self := forge.P256()
	selfSigned := &forge.CA{Key: self, Raw: forge.Cert{Issuer: forge.CN("mx3"), Subject: forge.CN("mx3"), Key: self, Serial: forge.Serial(5),
		Extensions: []forge.Ext{forge.SAN(forge.DNS("mx3.dane.test"))}}.Sign(self)}
	alone := starttlsServer(t, selfSigned.TLS())
	smtp2 := starttlsServer(t, other.TLS())
	record := func(c *forge.CA) string {
		return fmt.Sprintf("TLSA 3 1 1 %x", sha256.Sum256(cert.Parse(c.Raw).RawSPKI))
	}
	zones := []peers.Zone{
		{Name: "dane.test", Signed: true, Records: `@ A 127.0.0.1
@ MX 20 mx2
@ MX 10 mx
mx A 127.0.0.1
mx2 A 127.0.0.1
mx3 A 127.0.0.1
web A 127.0.0.1
www CNAME web
nomail MX 0 .
odd MX 5 127.0.0.1.
bare A 127.0.0.1
_imaps._tcp SRV 5 0 ` + web + ` web
_imaps._tcp.none SRV 0 0 0 .
_` + smtp + `._tcp.mx ` + record(leaf) + `
_` + smtp + `._tcp.mx2 ` + record(leaf) + `
_` + smtp2 + `._tcp.mx2 ` + record(leaf) + `
_` + alone + `._tcp.mx3 ` + record(selfSigned) + `
_` + web + `._tcp.web ` + record(leaf) + `
_443._tcp.odd TLSA 9 1 1 00
_` + smtp + `._tcp.bare TLSA 9 1 1 00`},
		{Name: "plain.test", Records: "a A 127.0.0.1\n@ MX 1 mx.dane.test.\n_" + web + "._tcp.a " + record(other)},
		{Name: "bogus.test", Bogus: true, Records: "@ MX 1 mx\nmx A 127.0.0.1\n_" + web + "._tcp.mx " + record(leaf)},
	}
	resolver := root.Issue(forge.Cert{Subject: forge.CN("resolver"), Key: key, Extensions: root.ServerExts(key, forge.IP("127.0.0.1"))})
	certFile, keyFile := files(t, resolver.TLS(), key)
	server, anchors := peers.Named(t, zones...)
	dns, dot := peers.Unbound(t, certFile, keyFile, server, anchors, zones...)
	unbound := []string{"--resolver", "127.0.0.1:" + dns}
	overTLS := []string{"--resolver", "tls://127.0.0.1:" + dot, "--resolver-roots", rootFile}
	check := func(args ...string) (status int, rs []report.Report, errs string) {
		t.Helper()
		status, out, errs := run("", append([]string{"check", "--format", "json", "--offline", "--revocation", "off", "--cache-dir", t.TempDir(), "--roots", rootFile, "--timeout", "20s"}, args...)...)
		dec := json.NewDecoder(strings.NewReader(out))
		for {
			var r report.Report
			if err := dec.Decode(&r); err == io.EOF {
				return status, rs, errs
			} else if err != nil {
				t.Fatalf("%v: %s\n%s", err, out, errs)
			}
			rs = append(rs, r)
		}
	}
	dane := func(args ...string) []string { return append([]string{"--dane"}, args...) }
	for _, c := range []struct {
		what   string
		args   []string
		status int
		result report.DANEResult
		name   string
		ids    []finding.ID
	}{
		{"a match", append(dane("web.dane.test:"+web), unbound...), command.Accept, report.DANEMatch, "_" + web + "._tcp.web.dane.test", nil},
		{"an alias", append(dane("www.dane.test:"+web), unbound...), command.Accept, report.DANEMatch, "_" + web + "._tcp.web.dane.test", nil},
		{"no record", append(dane("www.dane.test:"+smtp, "--starttls", "smtp"), unbound...), command.Accept, report.DANENone, "_" + smtp + "._tcp.web.dane.test", []finding.ID{finding.DANENone}},
		{"a mismatch in SMTP", append(dane("smtp://mx2.dane.test:"+smtp2), unbound...), command.Reject, report.DANEMismatch, "", []finding.ID{finding.DANEMismatch}},
		{"an unsigned zone", append(dane("a.plain.test:"+web), unbound...), command.Accept, report.DANENotAuthenticated, "", []finding.ID{finding.DANENotAuthenticated}},
		{"a bogus zone", append(dane("mx.bogus.test:"+web, "--resolve", "mx.bogus.test:"+web+":127.0.0.1"), unbound...), command.Inconclusive, report.DANEFailed, "", []finding.ID{finding.DANELookupFailed}},
		{"self-signed", append(dane("smtp://mx3.dane.test:"+alone), unbound...), command.Reject, report.DANEMatch, "", []finding.ID{finding.DANEAlone}},
		{"the name server, which verifies nothing", dane("web.dane.test:"+web, "--resolver", "127.0.0.1:"+server), command.Accept, report.DANENotAuthenticated, "", []finding.ID{finding.DANENotAuthenticated}},
		{"unusable", append(dane("bare.dane.test:"+smtp, "--starttls", "smtp", "--name", "dane.test"), unbound...), command.Accept, report.DANEUnusable, "", []finding.ID{finding.DANEUnusable}},
		{"by TCP", dane("web.dane.test:"+web, "--resolver", "tcp://127.0.0.1:"+dns), command.Accept, report.DANEMatch, "", nil},
	} {
		status, rs, errs := check(c.args...)
		if status != c.status || len(rs) != 1 || rs[0].DANE == nil || rs[0].DANE.Result != c.result || c.name != "" && rs[0].DANE.Name != c.name {
			t.Errorf("%s: status %d, %+v\n%s", c.what, status, rs, errs)
			continue
		}
		for _, id := range c.ids {
			if !slices.ContainsFunc(rs[0].Findings, func(f finding.Finding) bool { return f.ID == id }) {
				t.Errorf("%s: no %s in %v", c.what, id, rs[0].Findings)
			}
		}
	}
	t.Run("over TLS", func(t *testing.T) { overTLSOnly(t, check, web, dot, rootFile, overTLS) })
	t.Run("services", func(t *testing.T) { services(t, check, smtp, web, unbound) })
	t.Run("evidence", func(t *testing.T) {
		file := filepath.Join(t.TempDir(), "e.json")
		_, rs, errs := check(append(dane("smtp://mx2.dane.test:"+smtp2, "--save-evidence", file), unbound...)...)
		if len(rs) != 1 {
			t.Fatal(errs)
		}
		status, out, errs := run("", "verify", "--format", "json", "--revocation", "off", "--roots", rootFile, "--evidence", file)
		var again report.Report
		if err := json.Unmarshal([]byte(out), &again); err != nil || status != command.Reject {
			t.Fatal(err, status, errs)
		}
		a, _ := json.Marshal(rs[0].DANE)
		b, _ := json.Marshal(again.DANE)
		if string(a) != string(b) || again.Headline == nil || again.Headline.Finding.ID != finding.DANEMismatch {
			t.Errorf("%s\n%s\n%+v", a, b, again.Headline)
		}
	})
}

type checker func(args ...string) (int, []report.Report, string)

// A resolver over TLS counts when its certificate is verified, and otherwise
// nothing that it says does.
func overTLSOnly(t *testing.T, check checker, web, dot, rootFile string, overTLS []string) {
	target := []string{"--dane", "web.dane.test:" + web, "--resolve", "web.dane.test:" + web + ":127.0.0.1"}
	otherRoot := filepath.Join(t.TempDir(), "other.pem")
	if err := os.WriteFile(otherRoot, forge.PEM("CERTIFICATE", forge.NewRoot("Other", nil).Raw), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		what   string
		args   []string
		status int
		result report.DANEResult
	}{
		{"trusted", overTLS, command.Accept, report.DANEMatch},
		{"untrusted", []string{"--resolver", "tls://127.0.0.1:" + dot, "--resolver-roots", otherRoot}, command.Inconclusive, report.DANEFailed},
		{"untrusted by the system", []string{"--resolver", "tls://127.0.0.1:" + dot}, command.Inconclusive, report.DANEFailed},
		{"another name", []string{"--resolver", "tls://localhost:" + dot, "--resolver-roots", rootFile}, command.Inconclusive, report.DANEFailed},
	} {
		if status, rs, errs := check(append(target, c.args...)...); status != c.status || len(rs) != 1 || rs[0].DANE.Result != c.result {
			t.Errorf("%s: status %d %+v\n%s", c.what, status, rs, errs)
		}
	}
}

// MX and SRV records become targets in their order, with the service's port and
// dialog, and the right names.
func services(t *testing.T, check checker, smtp, web string, unbound []string) {
	hosts := func(rs []report.Report) (out []string) {
		for _, r := range rs {
			out = append(out, r.Target.Host+":"+r.Target.Port)
		}
		return out
	}
	status, rs, errs := check(append([]string{"--dane", "mx:dane.test", "--port", smtp}, unbound...)...)
	if want := []string{"mx.dane.test:" + smtp, "mx2.dane.test:" + smtp}; !slices.Equal(hosts(rs), want) || rs[0].DANE.Result != report.DANEMatch || rs[0].Verdict != report.Accept ||
		rs[1].Verdict != report.Reject || !slices.Contains(rs[0].DANE.Names, "dane.test") {
		t.Errorf("MX: status %d, %v\n%s", status, hosts(rs), errs)
	}
	status, rs, errs = check(append([]string{"--dane", "mx:plain.test", "--port", smtp}, unbound...)...)
	if status != command.Accept || len(rs) != 1 || !slices.ContainsFunc(rs[0].Findings, func(f finding.Finding) bool { return f.ID == finding.DANEServiceInsecure }) || slices.Contains(rs[0].DANE.Names, "plain.test") {
		t.Errorf("an MX record that is not authentic: status %d, %+v\n%s", status, rs, errs)
	}
	status, rs, errs = check(append([]string{"--dane", "srv:_imaps._tcp.dane.test"}, unbound...)...)
	if status != command.Accept || len(rs) != 1 || rs[0].Target.Host != "web.dane.test" || rs[0].Target.Port != web || !slices.Equal(rs[0].Target.Names, []string{"dane.test"}) ||
		rs[0].Connection.ServerName != "dane.test" || rs[0].DANE.Result != report.DANEMatch {
		t.Errorf("SRV: status %d, %+v\n%s", status, rs, errs)
	}
	for target, id := range map[string]finding.ID{"mx:nomail.dane.test": finding.ServiceNotOffered, "srv:_imaps._tcp.none.dane.test": finding.ServiceNotOffered,
		"srv:_imap._tcp.dane.test": finding.ServiceNotFound, "mx:odd.dane.test": finding.ServiceTargetBad, "mx:bogus.test": finding.DNSFailure, "mx:gone.dane.test": finding.DNSNotFound} {
		status, rs, errs := check(append([]string{target}, unbound...)...)
		if status != command.Inconclusive || len(rs) != 1 || rs[0].Headline == nil || rs[0].Headline.Finding.ID != id {
			t.Errorf("%s: status %d, %+v\n%s", target, status, rs, errs)
		}
	}
	if status, rs, errs := check(append([]string{"mx:bare.dane.test", "--port", smtp, "--name", "dane.test"}, unbound...)...); status != command.Accept || len(rs) != 1 ||
		rs[0].Target.Host != "bare.dane.test" || !strings.Contains(errs, "no MX record") {
		t.Errorf("no MX record: status %d, %+v\n%s", status, rs, errs)
	}
}

// What the flags about names refuse.
func TestDNSFlags(t *testing.T) {
	for _, c := range []struct {
		args []string
		says string
	}{
		{[]string{"--dane", "a.test"}, "--dane needs --resolver"},
		{[]string{"--resolver-roots", "x.pem", "a.test"}, "--resolver-roots goes with"},
		{[]string{"--dane", "--resolver", "127.0.0.1", "192.0.2.1"}, "is an IP address"},
		{[]string{"--resolver", "dns.example", "a.test"}, "a resolver is an IP address"},
		{[]string{"--resolver", "https://dns.example", "a.test"}, "udp://, tcp:// and tls://"},
		{[]string{"srv:imaps.example.com"}, "_imaps._tcp.example.com"},
		{[]string{"srv:_gopher._tcp.example.com"}, "_submission"},
		{[]string{"mx:192.0.2.1"}, "has no MX records"},
		{[]string{"mx:a..b"}, "a..b"},
	} {
		if status, _, errs := run("", append([]string{"check", "--cache-dir", t.TempDir()}, c.args...)...); status != command.UsageError || !strings.Contains(errs, c.says) {
			t.Errorf("%q: status %d, want %q\n%s", c.args, status, c.says, errs)
		}
	}
	if status, _, errs := run("", "connect", "mx:example.com"); status != command.UsageError || !strings.Contains(errs, "assay check mx:example.com") {
		t.Errorf("connect: status %d\n%s", status, errs)
	}
}

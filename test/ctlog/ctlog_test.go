package ctlog_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/assaytls/assay/cert"
	"github.com/assaytls/assay/ct"
	"github.com/assaytls/assay/finding"
	"github.com/assaytls/assay/internal/lab/forge"
	"github.com/assaytls/assay/internal/lab/peers"
	"github.com/assaytls/assay/internal/tlsclient"
	"github.com/assaytls/assay/ocsp"
	"github.com/assaytls/assay/policy"
	"github.com/assaytls/assay/report"
	"github.com/assaytls/assay/test/ctlog"
)

// pki is a CA whose certificates go into a log.
type pki struct {
	t           *testing.T
	log         *ctlog.Log
	list        *ct.LogList
	root, inter *forge.CA
}

func start(t *testing.T) *pki {
	t.Helper()
	p := &pki{t: t, root: forge.NewRoot("CT root", nil)}
	p.inter = p.root.Intermediate("CT issuing CA", nil)
	var err error
	if p.log, err = ctlog.Start(p.root.Raw); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.log.Close)
	if p.list, err = ct.ParseLogList(p.log.List()); err != nil {
		t.Fatal(err)
	}
	return p
}

// template is a server certificate that is still to be signed.
func (p *pki) template(host string) forge.Cert {
	key := forge.P256()
	return forge.Cert{Subject: forge.CN(host), Key: key, Serial: forge.RandomSerial(), NotBefore: time.Now().Add(-time.Hour),
		NotAfter: time.Now().Add(24 * time.Hour), Extensions: p.inter.ServerExts(key, forge.DNS(host))}
}

// embedded issues a certificate with the SCT that the log gave for its
// precertificate.
func (p *pki) embedded(host string, mutate func([]byte) []byte) *forge.CA {
	p.t.Helper()
	c := p.template(host)
	pre := c
	pre.Extensions = append(pre.Extensions[:len(pre.Extensions):len(pre.Extensions)], forge.Poison())
	sct, err := p.log.AddPreChain(p.inter.Issue(pre).Raw, p.inter.Raw, p.root.Raw)
	if err != nil {
		p.t.Fatal(err)
	}
	if mutate != nil {
		sct = mutate(sct)
	}
	c.Extensions = append(c.Extensions[:len(c.Extensions):len(c.Extensions)], forge.SCTs(forge.SCTList(sct)))
	return p.inter.Issue(c)
}

func (p *pki) path(leaf []byte) []*cert.Certificate {
	return []*cert.Certificate{cert.Parse(leaf), cert.Parse(p.inter.Raw), cert.Parse(p.root.Raw)}
}

func (p *pki) check(leaf []byte, with func(*ct.Input)) ct.Result {
	in := ct.Input{Path: p.path(leaf), List: p.list, Policy: policy.CTRequire, Time: time.Now()}
	if with != nil {
		with(&in)
	}
	return ct.CheckSCTs(in)
}

// audit runs an audit over HTTP and returns the inclusion of the first SCT.
func audit(t *testing.T, r ct.Result) (report.Inclusion, []finding.Finding) {
	t.Helper()
	a := ct.NewAudit(r, time.Now())
	for range 10 {
		needs := a.Needs()
		if len(needs) == 0 {
			break
		}
		for _, n := range needs {
			resp, err := http.Get(n.URL)
			if err != nil {
				a.Provide(n.URL, 0, nil)
				continue
			}
			body, _ := io.ReadAll(io.LimitReader(resp.Body, n.MaxBytes+1))
			resp.Body.Close()
			a.Provide(n.URL, resp.StatusCode, body)
		}
	}
	a.Fill(&r.CT)
	return r.CT.SCTs[0].Inclusion, a.Findings()
}

// waitIncluded audits until the log has merged the entry.
func waitIncluded(t *testing.T, r ct.Result) {
	t.Helper()
	deadline := time.Now().Add(20 * time.Second)
	for {
		got, fs := audit(t, r)
		if got == report.Included {
			if len(fs) > 0 {
				t.Errorf("included, with %v", fs)
			}
			return
		}
		if got != report.Pending || time.Now().After(deadline) {
			t.Fatalf("%s: %v", got, fs)
		}
		time.Sleep(20 * time.Millisecond)
	}
}

func valid(t *testing.T, what string, r ct.Result) bool {
	t.Helper()
	if len(r.CT.SCTs) != 1 || r.CT.SCTs[0].Status != report.SCTValid || r.CT.Met == nil || !*r.CT.Met || len(r.Findings) > 0 {
		t.Errorf("%s: %+v %v", what, r.CT, r.Findings)
		return false
	}
	return true
}

func TestEmbedded(t *testing.T) {
	p := start(t)
	for i := range 5 { // so that the tree has a shape
		leaf := p.embedded(fmt.Sprintf("%d.test", i), nil)
		if r := p.check(leaf.Raw, nil); valid(t, "embedded", r) {
			waitIncluded(t, r)
		}
	}
	broken := p.embedded("broken.test", func(b []byte) []byte { b[40] ^= 1; return b }) // the time stamp
	if r := p.check(broken.Raw, nil); r.CT.SCTs[0].Status != report.SCTInvalid || *r.CT.Met {
		t.Errorf("changed time stamp: %+v", r.CT)
	}
}

// A precertificate signing certificate signs the precertificate, the CA itself
// the certificate.
func TestPrecertSigner(t *testing.T) {
	p := start(t)
	signer := p.inter.Intermediate("CT precert signer", nil, forge.EKU("1.3.6.1.4.1.11129.2.4.4"))
	c := p.template("preca.test")
	pre := c
	pre.Issuer = signer.Name
	pre.Extensions = append(forge.Merge(pre.Extensions, forge.AKI(signer.Key.ID())), forge.Poison())
	precert := signer.Issue(pre).Raw
	sct, err := p.log.AddPreChain(precert, signer.Raw, p.inter.Raw, p.root.Raw)
	if err != nil {
		t.Fatal(err)
	}
	list := forge.SCTList(sct)
	c.Extensions = append(c.Extensions[:len(c.Extensions):len(c.Extensions)], forge.SCTs(list))
	r := p.check(p.inter.Issue(c).Raw, nil)
	if valid(t, "final certificate", r) {
		waitIncluded(t, r)
	}
	path := append([]*cert.Certificate{cert.Parse(precert), cert.Parse(signer.Raw)}, p.path(precert)[1:]...)
	valid(t, "precertificate", ct.CheckSCTs(ct.Input{Path: path, Delivered: []ct.SCTList{ct.ReadSCTList(0, "tls", list)}, List: p.list, Policy: policy.CTRequire, Time: time.Now()}))
}

// The log's key promises, the log does not keep it.
func TestPromisedButAbsent(t *testing.T) {
	p := start(t)
	leaf := p.inter.Issue(p.template("absent.test"))
	promise := func(age time.Duration) ct.Result {
		return p.check(leaf.Raw, func(in *ct.Input) {
			in.Delivered = append(in.Delivered, ct.ReadSCTList(0, "tls", forge.SCTList(forge.SCT{Time: time.Now().Add(-age)}.SignX509(p.log.Key, leaf.Raw))))
		})
	}
	p.embedded("other.test", nil) // a log that is empty has no proofs to refuse
	r := promise(time.Minute)
	valid(t, "promise", r)
	if got, fs := audit(t, r); got != report.Absent || len(fs) != 1 || fs[0].ID != finding.CTNotIncluded {
		t.Errorf("after the merge delay: %s %v", got, fs)
	}
	if got, fs := audit(t, promise(time.Second)); got != report.Pending || len(fs) != 1 || fs[0].ID != finding.CTAuditPending {
		t.Errorf("before it: %s %v", got, fs)
	}
}

// delivered logs a final certificate and returns it with its SCT list.
func (p *pki) delivered(host string) (*forge.CA, []byte) {
	p.t.Helper()
	leaf := p.inter.Issue(p.template(host))
	sct, err := p.log.AddChain(leaf.Raw, p.inter.Raw, p.root.Raw)
	if err != nil {
		p.t.Fatal(err)
	}
	return leaf, forge.SCTList(sct)
}

func TestStapled(t *testing.T) {
	p := start(t)
	leaf, list := p.delivered("staple.test")
	single := p.inter.Good(leaf.Serial)
	single.Extensions = []forge.Ext{forge.OCSPSCTs(list)}
	staple := forge.OCSP{Singles: []forge.Single{single}}.Sign(p.inter)
	path := p.path(leaf.Raw)
	answer := ocsp.Check(ocsp.Query{Cert: path[0], Issuer: path[1], Time: time.Now(), Source: policy.Staple}, staple)
	if answer.Status != report.Good || !bytes.Equal(answer.SCTList, list) {
		t.Fatalf("%s, %x, %v", answer.Status, answer.SCTList, answer.Findings)
	}
	r := p.check(leaf.Raw, func(in *ct.Input) { in.Delivered = append(in.Delivered, ct.ReadSCTList(0, "ocsp", answer.SCTList)) })
	if valid(t, "staple", r) && r.CT.SCTs[0].Source != "ocsp" {
		t.Errorf("source %s", r.CT.SCTs[0].Source)
	}
	waitIncluded(t, r)
}

// dial connects to addr and returns what was sent as SCTs.
func dial(t *testing.T, addr, host string, version uint16) []byte {
	t.Helper()
	_, port, err := net.SplitHostPort(addr)
	if err != nil {
		t.Fatal(err)
	}
	ev := tlsclient.Dial(t.Context(), tlsclient.Config{Host: host, Port: port, MinVersion: version, MaxVersion: version, NoProbe: true,
		Resolve: map[string][]netip.Addr{host + ":" + port: {netip.MustParseAddr("127.0.0.1")}}})
	if ev.Failure != nil {
		t.Fatalf("%+v", ev.Failure)
	}
	if ev.TLSSCTs == nil && len(ev.Chain) > 0 {
		return ev.Chain[0].SCTs
	}
	return ev.TLSSCTs
}

func TestTLSExtension(t *testing.T) {
	p := start(t)
	leaf, list := p.delivered("tls.test")
	raws, err := ct.ParseSCTList(list)
	if err != nil {
		t.Fatal(err)
	}
	identity := leaf.TLS(p.inter.Raw)
	identity.SignedCertificateTimestamps = raws
	listener, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: []tls.Certificate{identity}})
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	go func() {
		for {
			c, err := listener.Accept()
			if err != nil {
				return
			}
			go func() { io.Copy(io.Discard, c); c.Close() }()
		}
	}()
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		got := dial(t, listener.Addr().String(), "tls.test", version)
		r := p.check(leaf.Raw, func(in *ct.Input) { in.Delivered = append(in.Delivered, ct.ReadSCTList(0, "tls", got)) })
		if valid(t, tls.VersionName(version), r) && r.CT.SCTs[0].Source != "tls" {
			t.Errorf("source %s", r.CT.SCTs[0].Source)
		}
	}
}

// openssl s_server sends the SCTs from a -serverinfo file.
func TestOpenSSLServerInfo(t *testing.T) {
	openssl := peers.Path(t, "openssl")
	p := start(t)
	leaf, list := p.delivered("openssl.test")
	dir := t.TempDir()
	write := func(name string, b []byte) string {
		name = filepath.Join(dir, name)
		if err := os.WriteFile(name, b, 0o600); err != nil {
			t.Fatal(err)
		}
		return name
	}
	chain := write("chain.pem", forge.PEM("CERTIFICATE", p.inter.Raw))
	crt := write("cert.pem", forge.PEM("CERTIFICATE", leaf.Raw))
	key := write("key.pem", pkcs8(t, leaf.Key.Signer))
	// SSL_CTX_use_serverinfo_file(3), version 2: context, type 18, length. The
	// context is ClientHello, TLS 1.2 ServerHello, TLS 1.3 Certificate, not on
	// resumption.
	body := append([]byte{0, 0, 0x11, 0xc0, 0, 18, byte(len(list) >> 8), byte(len(list))}, list...)
	info := write("info.pem", forge.PEM("SERVERINFOV2 FOR signed_certificate_timestamp", body))
	port := freePort(t)
	ctx, cancel := context.WithCancel(t.Context())
	cmd := exec.CommandContext(ctx, openssl, "s_server", "-accept", "127.0.0.1:"+port, "-cert", crt, "-key", key, "-cert_chain", chain, "-serverinfo", info, "-www", "-quiet")
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { cancel(); cmd.Wait() }()
	waitPort(t, port, &out)
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		got := dial(t, "127.0.0.1:"+port, "openssl.test", version)
		if !bytes.Equal(got, list) {
			t.Errorf("%s: %x\n%s", tls.VersionName(version), got, out.String())
			continue
		}
		valid(t, tls.VersionName(version), p.check(leaf.Raw, func(in *ct.Input) { in.Delivered = append(in.Delivered, ct.ReadSCTList(0, "tls", got)) }))
	}
}

func freePort(t *testing.T) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	_, port, _ := net.SplitHostPort(l.Addr().String())
	return port
}

func waitPort(t *testing.T, port string, out *bytes.Buffer) {
	for range 200 {
		c, err := net.Dial("tcp", "127.0.0.1:"+port)
		if err == nil {
			c.Close()
			return
		}
		time.Sleep(20 * time.Millisecond)
	}
	t.Fatalf("openssl s_server does not listen: %s", strings.TrimSpace(out.String()))
}

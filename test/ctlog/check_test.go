package ctlog_test

import (
	"crypto/tls"
	"io"
	"net"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/assaytls/assay/certpath"
	"github.com/assaytls/assay/ct"
	"github.com/assaytls/assay/finding"
	"github.com/assaytls/assay/internal/assemble"
	"github.com/assaytls/assay/internal/download"
	"github.com/assaytls/assay/internal/engine"
	"github.com/assaytls/assay/internal/lab/forge"
	"github.com/assaytls/assay/internal/tlsclient"
	"github.com/assaytls/assay/policy"
	"github.com/assaytls/assay/report"
)

// serve starts a TLS server with that identity and returns how to dial it.
func serve(t *testing.T, host string, identity tls.Certificate) tlsclient.Config {
	t.Helper()
	ln, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: []tls.Certificate{identity}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ln.Close() })
	go func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			go func() { io.Copy(io.Discard, c); c.Close() }()
		}
	}()
	_, port, _ := net.SplitHostPort(ln.Addr().String())
	return tlsclient.Config{Host: host, Port: port, Input: host + ":" + port,
		Resolve: map[string][]netip.Addr{host + ":" + port: {netip.MustParseAddr("127.0.0.1")}}}
}

// inspect is `assay check --ct require --ct-audit`: it dials, asks the log and
// judges, again while the log has not merged the entry.
func (p *pki) inspect(c tlsclient.Config) (*report.Report, []finding.ID) {
	p.t.Helper()
	anchors := certpath.NewAnchors()
	if err := anchors.Add(p.root.Raw); err != nil {
		p.t.Fatal(err)
	}
	deadline := time.Now().Add(20 * time.Second)
	for {
		r, _ := engine.New(engine.Options{}).Check(p.t.Context(), c, &engine.Trust{Anchors: anchors, LogList: p.list}, policy.Policy{CT: policy.CTRequire}, download.Access{Audit: true}, assemble.Full)
		if r.Chosen < 0 || r.CT == nil || len(r.CT.SCTs) != 1 {
			p.t.Fatalf("%s: %+v", r.Verdict, r.Findings)
		}
		var ids []finding.ID
		for _, f := range r.Paths[r.Chosen].Certs[0].Findings {
			ids = append(ids, f.ID)
		}
		if r.CT.SCTs[0].Inclusion != report.Pending || time.Now().After(deadline) {
			return r, ids
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// The whole way, for each delivery: the log's SCT comes with the certificate,
// the handshake or the staple, and the log proves that it has the certificate.
func TestCheckIncluded(t *testing.T) {
	p := start(t)
	embedded := p.embedded("embedded.test", nil)
	sent, list := p.delivered("tls.test")
	raws, err := ct.ParseSCTList(list)
	if err != nil {
		t.Fatal(err)
	}
	inTLS := sent.TLS(p.inter.Raw)
	inTLS.SignedCertificateTimestamps = raws
	stapled, list := p.delivered("staple.test")
	single := p.inter.Good(stapled.Serial)
	single.Extensions = []forge.Ext{forge.OCSPSCTs(list)}
	inStaple := stapled.TLS(p.inter.Raw)
	inStaple.OCSPStaple = forge.OCSP{Singles: []forge.Single{single}}.Sign(p.inter)
	for _, c := range []struct {
		host     string
		source   report.SCTSource
		identity tls.Certificate
	}{
		{"embedded.test", "embedded", embedded.TLS(p.inter.Raw)},
		{"tls.test", "tls", inTLS},
		{"staple.test", "ocsp", inStaple},
	} {
		r, ids := p.inspect(serve(t, c.host, c.identity))
		s := r.CT.SCTs[0]
		if r.Verdict != report.Accept || s.Source != c.source || s.Status != report.SCTValid || s.Inclusion != report.Included || r.CT.Met == nil || !*r.CT.Met {
			t.Errorf("%s: %s %+v %v", c.host, r.Verdict, s, ids)
		}
	}
}

// The log's key signed, the log knows nothing of it.
func TestCheckNotIncluded(t *testing.T) {
	p := start(t)
	p.embedded("other.test", nil) // a log that is empty has no proofs to refuse
	leaf := p.inter.Issue(p.template("absent.test"))
	identity := leaf.TLS(p.inter.Raw)
	identity.SignedCertificateTimestamps = [][]byte{forge.SCT{Time: time.Now().Add(-time.Minute)}.SignX509(p.log.Key, leaf.Raw)}
	c := serve(t, "absent.test", identity)
	r, ids := p.inspect(c)
	if r.Verdict != report.Reject || r.CT.SCTs[0].Inclusion != report.Absent || !slices.Contains(ids, finding.CTNotIncluded) {
		t.Errorf("%s %+v %v", r.Verdict, r.CT.SCTs[0], ids)
	}
	p.log.Close()
	r, ids = p.inspect(c)
	if r.Verdict != report.Inconclusive || r.CT.SCTs[0].Inclusion != report.Unavailable || !slices.Contains(ids, finding.CTAuditUnavailable) {
		t.Errorf("without the log: %s %+v %v", r.Verdict, r.CT.SCTs[0], ids)
	}
}

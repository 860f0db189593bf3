package main

import (
	"context"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"net"
	"os"
	"time"

	"github.com/assaytls/assay/certpath"
	"github.com/assaytls/assay/ct"
	"github.com/assaytls/assay/internal/assemble"
	"github.com/assaytls/assay/internal/download"
	"github.com/assaytls/assay/internal/engine"
	"github.com/assaytls/assay/internal/probe"
	"github.com/assaytls/assay/internal/tlsclient"
	"github.com/assaytls/assay/policy"
	"github.com/assaytls/assay/report"
)

// contender connects to one host, does what it does with it, and appends its line
// of output to b. verdict is what it came to, "" when it comes to none.
type contender struct {
	name string
	run  func(ctx context.Context, host string, b []byte) (line []byte, verdict report.Verdict, err error)
}

// The names of the contenders.
const (
	namePlain = "the same without tables of known keys"
	nameOurs  = "assay, a full verdict, one row"
	nameNaive = "naive: Go, chain verified, JSON"
	nameFloor = "floor: Go, X25519, verifies nothing, no output"
	nameCheck = "assay check: recorded, whole report in JSON"
)

// contenders returns those that run in this program, by name.
func contenders(p place, port string) (map[string]contender, error) {
	pool, ders, err := roots(p)
	if err != nil {
		return nil, err
	}
	anchors := certpath.NewAnchors()
	for _, der := range ders {
		if err := anchors.Add(der); err != nil {
			return nil, err
		}
	}
	b, err := os.ReadFile(p.logs())
	if err != nil {
		return nil, err
	}
	list, err := ct.ParseLogList(b)
	if err != nil {
		return nil, err
	}
	trust := &engine.Trust{Anchors: anchors, LogList: list}
	config := func(host string) *tlsclient.Config {
		return &tlsclient.Config{Host: host, Port: port, HandshakeTimeout: patience}
	}
	prober := func(name string, o engine.Options) contender {
		p := probe.Prober{Engine: engine.New(o), Trust: trust, Detail: assemble.Rows}
		return contender{name, func(ctx context.Context, host string, b []byte) ([]byte, report.Verdict, error) {
			c, row := config(host), new(report.Row)
			p.Probe(ctx, c, row)
			return row.AppendJSON(b), row.Verdict, nil
		}}
	}
	whole := engine.New(engine.Options{})
	all := map[string]contender{}
	for _, c := range []contender{
		prober(nameOurs, engine.Options{KnownKeyTables: true}),
		prober(namePlain, engine.Options{}),
		{nameNaive, func(ctx context.Context, host string, b []byte) ([]byte, report.Verdict, error) {
			return naive(ctx, pool, host, port, b)
		}},
		{nameFloor, func(ctx context.Context, host string, b []byte) ([]byte, report.Verdict, error) {
			return b, "", tlsclient.Floor(ctx, net.JoinHostPort(host, port), host, tls.X25519)
		}},
		{nameCheck, func(ctx context.Context, host string, b []byte) ([]byte, report.Verdict, error) {
			c := config(host)
			c.KeyTypes = tlsclient.KeysAll
			r, _ := whole.Check(ctx, *c, trust, policy.Policy{}, download.Access{}, assemble.Full)
			j, err := json.Marshal(r)
			return append(b, j...), r.Verdict, err
		}},
	} {
		all[c.name] = c
	}
	return all, nil
}

func roots(p place) (pool *x509.CertPool, ders [][]byte, err error) {
	text, err := os.ReadFile(p.roots())
	if err != nil {
		return nil, nil, err
	}
	pool = x509.NewCertPool()
	for {
		var block *pem.Block
		if block, text = pem.Decode(text); block == nil {
			return pool, ders, nil
		}
		c, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, nil, err
		}
		pool.AddCert(c)
		ders = append(ders, block.Bytes)
	}
}

// naive is what a program of a page does: crypto/tls verifies chain and name, and
// some facts go out as JSON.
func naive(ctx context.Context, pool *x509.CertPool, host, port string, b []byte) ([]byte, report.Verdict, error) {
	start := time.Now()
	d := tls.Dialer{NetDialer: &net.Dialer{Timeout: 10 * time.Second}, Config: &tls.Config{RootCAs: pool, ServerName: host,
		CurvePreferences: []tls.CurveID{tls.X25519}, NextProtos: []string{"h2", "http/1.1"}}}
	conn, err := d.DialContext(ctx, "tcp", net.JoinHostPort(host, port))
	if err != nil {
		return b, "", err
	}
	defer conn.Close()
	cs := conn.(*tls.Conn).ConnectionState()
	leaf := cs.PeerCertificates[0]
	sum := sha256.Sum256(leaf.Raw)
	j, err := json.Marshal(struct {
		Host, Version, Suite, Subject, Issuer, Serial, SHA256 string
		NotBefore, NotAfter                                   time.Time
		Names                                                 []string
		MS                                                    float64
	}{host, tls.VersionName(cs.Version), tls.CipherSuiteName(cs.CipherSuite), leaf.Subject.String(), leaf.Issuer.String(), leaf.SerialNumber.Text(16),
		hex.EncodeToString(sum[:]), leaf.NotBefore, leaf.NotAfter, leaf.DNSNames, float64(time.Since(start).Microseconds()) / 1000})
	return append(b, j...), report.Accept, err
}

// expect says what the verdicts of n hosts have to be, and errs when they are not.
func (p place) expect(n int, verdicts map[report.Verdict]int) error {
	if n != p.Size.Hosts || verdicts[report.Reject] == p.Revoked && verdicts[report.Accept] == n-p.Revoked {
		return nil
	}
	return fmt.Errorf("of %d hosts, %d of them revoked, the verdicts are %v", n, p.Revoked, verdicts)
}

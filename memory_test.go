package assay_test

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"testing"

	"github.com/assaytls/assay"
	"github.com/assaytls/assay/evidence"
	"github.com/assaytls/assay/finding"
	"github.com/assaytls/assay/internal/lab/forge"
	"github.com/assaytls/assay/report"
)

// A server that sends other junk beside its chain in every handshake fills the
// memory of nobody, also where the application is shown whole reports; and the
// reports of decent servers are remembered.
func TestJunkIsNotRemembered(t *testing.T) {
	w := newWorld(t)
	leaf := w.server()
	conf := w.config(assay.Config{Network: assay.Inline, Verify: func(context.Context, *evidence.Evidence, *report.Report) ([]finding.Finding, error) {
		return nil, nil
	}})
	v := newVerifier(t, conf)
	client, err := v.ClientConfig(&tls.Config{ServerName: "localhost"})
	if err != nil {
		t.Fatal(err)
	}
	key := forge.P256()
	n, each := 400, 60
	if testing.Short() {
		n = 100
	}
	handshake := func(pair tls.Certificate) {
		t.Helper()
		a, b := net.Pipe()
		go func() {
			defer b.Close()
			tls.Server(b, &tls.Config{Certificates: []tls.Certificate{pair}, SessionTicketsDisabled: true}).Handshake()
		}()
		defer a.Close()
		if err := tls.Client(a, client).Handshake(); err != nil {
			t.Fatal(err)
		}
	}
	handshake(leaf.TLS())
	decent := assay.Remembered(v)
	before := held()
	for i := range n {
		chain := make([][]byte, each)
		for k := range chain {
			// One signature for all: junk need not be signed. The serial number tells them apart.
			chain[k] = junk(w.root, key, i, k)
		}
		handshake(leaf.TLS(chain...))
	}
	if more := held() - before; more > junkBound {
		t.Errorf("%d handshakes with %d junk certificates each leave %d bytes, %d for each", n, each, more, more/int64(n))
	} else {
		t.Logf("%d handshakes with %d junk certificates each leave %d bytes", n, each, more)
	}
	if decent != 1 || assay.MemoOctets(v) > assay.MemoLimit {
		t.Errorf("%d decent reports are remembered, %d bytes in all", decent, assay.MemoOctets(v))
	}
}

// junkBound is what caches may hold of junk: certificates that were parsed, and the
// memo's octets.
const junkBound = 64 << 20

func junk(root *forge.CA, key *forge.Key, i, k int) []byte {
	names := make([][]byte, 20)
	for n := range names {
		names[n] = forge.DNS(fmt.Sprintf("junk-%d-%d-%d.test", i, k, n))
	}
	return forge.Cert{Issuer: root.Name, Subject: forge.CN(fmt.Sprintf("junk %d %d", i, k)), Key: key, Extensions: []forge.Ext{forge.SAN(names...)}}.Sign(key)
}

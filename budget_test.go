package assay_test

import (
	"crypto/tls"
	"errors"
	"net"
	"testing"
	"testing/synctest"
	"time"

	"github.com/assaytls/assay"
	"github.com/assaytls/assay/finding"
	"github.com/assaytls/assay/internal/lab/forge"
)

// A responder that never answers holds a handshake for the budget and 50 ms at
// most, the third handshake as the first; in Background mode not at all. The
// clock is synctest's: it stands still while anybody works, so that only waiting
// counts and a busy machine does not matter.
func TestStalledResponderHoldsNobodyLonger(t *testing.T) {
	net.DefaultResolver.LookupHost(t.Context(), "warm.test") // the resolver's own state must not belong to the bubble
	for _, c := range []struct {
		name    string
		network assay.Network
		unknown assay.Unknown
		budget  time.Duration // 0: the default
		held    time.Duration
	}{
		{"default budget", assay.Inline, assay.UnknownWarn, 0, 3 * time.Second},
		{"own budget", assay.Inline, assay.UnknownWarn, 700 * time.Millisecond, 700 * time.Millisecond},
		{"denied", assay.Inline, assay.UnknownDeny, 200 * time.Millisecond, 200 * time.Millisecond},
		{"beside", assay.Background, assay.UnknownWarn, 0, 0},
		{"offline", assay.Offline, assay.UnknownWarn, 0, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				root := forge.NewRoot("Stalled Root", nil)
				key := forge.P256()
				leaf := root.Issue(forge.Cert{Key: key, Extensions: append(root.ServerExts(key, forge.DNS("localhost")),
					forge.CRLDP("http://one.stalled.test/crl", "http://two.stalled.test/crl"), forge.AIA([]string{"http://ocsp.stalled.test/"}, nil))})
				v, err := assay.NewStalled(assay.Config{Roots: [][]byte{root.Raw}, Network: c.network, Unknown: c.unknown, FetchBudget: c.budget, CloseGrace: time.Millisecond})
				if err != nil {
					t.Fatal(err)
				}
				defer v.Close()
				conf, err := v.ClientConfig(&tls.Config{ServerName: "localhost"})
				if err != nil {
					t.Fatal(err)
				}
				for i := range 3 {
					a, b := net.Pipe()
					go func() {
						defer b.Close()
						tls.Server(b, &tls.Config{Certificates: []tls.Certificate{leaf.TLS()}, SessionTicketsDisabled: true}).Handshake()
					}()
					begin := time.Now()
					err := tls.Client(a, conf).Handshake()
					took := time.Since(begin)
					a.Close()
					if (err == nil) != (c.unknown == assay.UnknownWarn) || err != nil && !errors.Is(err, finding.ClassRevocationUnavailable) {
						t.Errorf("handshake %d: error %v", i, err)
					}
					if took > c.held+50*time.Millisecond || i == 0 && took < c.held {
						t.Errorf("handshake %d was held for %v, want %v", i, took, c.held)
					}
				}
			})
		})
	}
}

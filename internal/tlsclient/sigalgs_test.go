package tlsclient

import (
	"context"
	"crypto/tls"
	"testing"

	"github.com/assaytls/assay/finding"
)

// The signature schemes that are offered choose among a real server's certificates.
func TestSigalgs(t *testing.T) {
	rsa, ec := rsaKey(t), ecKey(t)
	for flag, version := range map[string]uint16{"-tls1_2": tls.VersionTLS12, "-tls1_3": tls.VersionTLS13} {
		port := sServer(t, append(rsa.args(), flag, "-dcert", ec.cert, "-dkey", ec.key)...)
		for _, c := range []struct {
			schemes []uint16
			want    keyPair
		}{
			{[]uint16{0x0403}, ec}, {[]uint16{0x0804}, rsa}, {[]uint16{0x0804, 0x0401, 0x0601}, rsa}, {[]uint16{0x0603, 0x0403}, ec},
		} {
			ev := dial(t, Config{Port: port, SNI: "dial.test", Schemes: c.schemes})
			wantFailure(t, ev, finding.SigalgsRead) // nobody proved to hold the key
			wantChain(t, ev, c.want)
			if ev.Connection.Version != version {
				t.Errorf("%s: version %x", flag, ev.Connection.Version)
			}
		}
		ev := dial(t, Config{Port: port, SNI: "dial.test", Schemes: []uint16{0x0807}})
		wantFailure(t, ev, finding.SigalgsRefused)
		if len(ev.Chain) > 0 || ev.Failure.Params["detail"] != "the server replied with the alert handshake_failure" {
			t.Errorf("%s: %d certificates, %+v", flag, len(ev.Chain), ev.Failure)
		}
	}
	// The key share that the server asks for is sent in another connection.
	ev := dial(t, Config{Port: sServer(t, append(ec.args(), "-groups", "P-521")...), SNI: "dial.test", Schemes: []uint16{0x0403}})
	wantFailure(t, ev, finding.SigalgsRead)
	wantChain(t, ev, ec)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if ev := Dial(ctx, Config{Host: "127.0.0.1", Port: "1", Schemes: []uint16{0x0403}}); ev.Failure == nil || ev.Failure.ID != finding.DialCancelled {
		t.Errorf("%+v", ev.Failure)
	}
}

package tlsclient

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/assaytls/assay/evidence"
	"github.com/assaytls/assay/finding"
	"github.com/assaytls/assay/internal/lab/forge"
	"github.com/assaytls/assay/internal/lab/peers"
	"github.com/assaytls/assay/internal/tlsnames"
)

// nodeServer is a TLS server of OpenSSL 3.5: port, certificates, key.
const nodeServer = `
const fs = require('fs'), [port, cert, key] = process.argv.slice(1);
require('tls').createServer({cert: fs.readFileSync(cert), key: fs.readFileSync(key)}, s => { s.on('error', () => {}); s.end() })
  .on('tlsClientError', () => {}).listen(+port, '127.0.0.1');
`

// OpenSSL 3.5 shows an ML-DSA certificate only to clients that name ML-DSA, and so a
// chain that is signed with it. Both are recorded; what is lacking is named, and that
// it is assay's side that lacks it.
func TestMLDSAOfOpenSSL(t *testing.T) {
	peers.Path(t, "node26")
	root := forge.NewRoot("Root", forge.NewKey("ML-DSA-87"))
	for leafKind, caKind := range map[string]string{"ML-DSA-44": "ML-DSA-65", "ML-DSA-65": "ML-DSA-87", "ML-DSA-87": "P-256", "P-256": "ML-DSA-44"} {
		ca := root.Intermediate("CA", forge.NewKey(caKind))
		leaf := ca.Server("dial.test", forge.NewKey(leafKind))
		dir := t.TempDir()
		certs, key := filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
		check(t, os.WriteFile(certs, append(forge.PEM("CERTIFICATE", leaf.Raw), forge.PEM("CERTIFICATE", ca.Raw)...), 0o600))
		check(t, os.WriteFile(key, leaf.Key.PEM(), 0o600))
		port := peers.FreePort(t)
		peers.Start(t, port, "node26", "-e", nodeServer, "--", port, certs, key)

		ev := dial(t, Config{Port: port, SNI: "dial.test"})
		if len(ev.Chain) != 2 || !bytes.Equal(ev.Chain[0].Cert, leaf.Raw) || !bytes.Equal(ev.Chain[1].Cert, ca.Raw) {
			t.Errorf("%s under %s: %d certificates", leafKind, caKind, len(ev.Chain))
		}
		wantFailure(t, ev, finding.NoCommonParameters)
		want := "its certificate has an " + leafKind + " key, which Go's TLS library cannot verify in a handshake before Go 1.27"
		if leafKind == "P-256" {
			want = "a certificate that it sends is signed with ML-DSA-"
		}
		if ev.Failure != nil && !strings.HasPrefix(ev.Failure.Params["detail"], want) {
			t.Errorf("%s under %s: %q", leafKind, caKind, ev.Failure.Params["detail"])
		}
		if scheme := tlsnames.Signature(ev.Probe.Connection.Signature); leafKind != "P-256" && scheme != strings.ToLower(strings.ReplaceAll(leafKind, "-", "")) {
			t.Errorf("%s: the server signs with %s", leafKind, scheme)
		}
		roundTrips(t, ev)
	}
}

// Certificates that cannot be read, or hold other signatures, are not said to be
// signed with ML-DSA.
func TestMLDSASignature(t *testing.T) {
	for name, c := range map[string]struct {
		der  []byte
		want string
	}{
		"ML-DSA-65": {forge.NewRoot("Root", forge.NewKey("ML-DSA-65")).Raw, "ML-DSA-65"}, "ECDSA": {forge.NewRoot("Root", nil).Raw, ""},
		"empty": {nil, ""}, "noise": {[]byte{0x30, 0x80}, ""}, "half": {forge.NewRoot("Root", forge.NewKey("ML-DSA-44")).Raw[:1500], ""},
	} {
		tr := &transcript{chain: []evidence.Entry{{Cert: c.der}}}
		if got := tr.mldsaSignature(); got != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
		if tr := (&transcript{}); tr.mldsaSignature() != "" || tr.lacks() != "" {
			t.Error("without certificates")
		}
	}
}

// What a server does with ML-DSA is named without one too: a key before a signature.
func TestMLDSALacks(t *testing.T) {
	ca := forge.NewRoot("Root", nil).Intermediate("CA", forge.NewKey("ML-DSA-44"))
	for kind, want := range map[string]string{"ML-DSA-65": "its certificate has an ML-DSA-65 key, ", "P-256": "a certificate that it sends is signed with ML-DSA-44, "} {
		tr := &transcript{version: 0x0304, suite: 0x1301, group: 29, chain: []evidence.Entry{{Cert: ca.Server("dial.test", forge.NewKey(kind)).Raw}, {Cert: ca.Raw}}}
		if got := tr.lacks(); !strings.HasPrefix(got, want) {
			t.Errorf("%s: %q", kind, got)
		}
	}
}

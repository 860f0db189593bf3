package bundle_test

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/assaytls/assay/cert/bundle"
	"github.com/assaytls/assay/internal/lab/peers"
)

// papers makes one file of each kind, in DER as NAME.der and in PEM as NAME.pem
// where OpenSSL writes both.
const papers = `
set -e
exec 2>/dev/null
cat > cnf <<E
[req]
distinguished_name = dn
prompt = no
[dn]
CN = papers.test
[tsa]
default_tsa = t
[t]
serial = $PWD/serial
crypto_device = builtin
signer_cert = $PWD/tsa.pem
certs = $PWD/tsa.pem
signer_key = $PWD/tsakey.pem
default_policy = 1.2.3.4.1
other_policies = 1.2.3.4.2
digests = sha256
signer_digest = sha256
accuracy = secs:1
ess_cert_id_alg = sha256
[ca]
default_ca = c
[c]
database = $PWD/index
crlnumber = $PWD/crlnumber
default_md = sha256
default_crl_days = 30
E
touch index; echo 01 > serial; echo 01 > crlnumber
openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out key-ec.pem
openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:1024 -out key-rsa.pem
openssl genpkey -algorithm ED25519 -out key-ed.pem
openssl genpkey -algorithm X25519 -out key-x.pem
for k in ec rsa ed x; do
  openssl pkcs8 -topk8 -nocrypt -in key-$k.pem -outform DER -out key-$k.der
  openssl pkcs8 -topk8 -passout pass:x -in key-$k.pem -out enc-$k.pem
  openssl pkcs8 -topk8 -passout pass:x -in key-$k.pem -outform DER -out enc-$k.der
  openssl pkey -in key-$k.pem -pubout -out pub-$k.pem
  openssl pkey -in key-$k.pem -pubout -outform DER -out pub-$k.der
done
openssl pkcs8 -topk8 -v1 PBE-SHA1-3DES -passout pass:x -in key-ec.pem -outform DER -out encold-ec.der
openssl ec -in key-ec.pem -out sec1.pem; openssl ec -in key-ec.pem -outform DER -out sec1.der
openssl rsa -in key-rsa.pem -traditional -out pkcs1.pem; openssl rsa -in key-rsa.pem -traditional -outform DER -out pkcs1.der
openssl rsa -in key-rsa.pem -traditional -aes128 -passout pass:x -out pkcs1enc.pem
openssl rsa -in key-rsa.pem -RSAPublicKey_out -out rsapub.pem; openssl rsa -in key-rsa.pem -RSAPublicKey_out -outform DER -out rsapub.der
openssl dsaparam -genkey -noout -out dsa.raw 1024; openssl dsa -in dsa.raw -out dsa.pem; openssl dsa -in dsa.raw -outform DER -out dsa.der
openssl dsaparam -out dsaparam.pem 1024; openssl dsaparam -in dsaparam.pem -outform DER -out dsaparam.der
openssl ecparam -name P-256 -param_enc explicit -out ecparam.pem; openssl ecparam -name P-256 -param_enc explicit -outform DER -out ecparam.der
openssl req -new -x509 -config cnf -key key-rsa.pem -days 30 -out cert.pem; openssl x509 -in cert.pem -outform DER -out cert.der
openssl req -new -x509 -config cnf -key key-ed.pem -days 30 -out certed.pem
openssl x509 -req -days 30 -signkey key-ec.pem -in <(openssl req -new -config cnf -key key-ec.pem) -outform DER -out certv1.der
openssl req -new -config cnf -key key-ec.pem -addext subjectAltName=DNS:a.test -out req.pem; openssl req -in req.pem -outform DER -out req.der
openssl req -new -config cnf -key key-ec.pem -newhdr -out reqnew.pem
openssl req -new -config cnf -key key-ec.pem -subj / -outform DER -out reqempty.der
openssl ca -config cnf -gencrl -keyfile key-rsa.pem -cert cert.pem -out crl.pem; openssl crl -in crl.pem -outform DER -out crl.der
openssl x509 -in cert.pem -trustout -addtrust serverAuth -out trusted.pem
openssl ocsp -issuer cert.pem -serial 0x1234 -reqout ocspreq.der -no_nonce
openssl ocsp -issuer cert.pem -serial 0x1234 -reqout ocspreqnonce.der
openssl ocsp -index index -rsigner cert.pem -rkey key-rsa.pem -CA cert.pem -reqin ocspreq.der -respout ocspresp.der -ndays 3
openssl crl2pkcs7 -certfile cert.pem -in crl.pem -out p7.pem; openssl crl2pkcs7 -certfile cert.pem -in crl.pem -outform DER -out p7.der
echo hello > text
openssl cms -encrypt -in text -outform DER -out cmsenv.der -aes128 cert.pem; openssl cms -encrypt -in text -outform PEM -out cmsenv.pem -aes128 cert.pem
openssl cms -encrypt -stream -in text -outform DER -out cmsenvber.der -aes128 cert.pem
openssl cms -encrypt -in text -outform DER -out cmsauthenv.der -aes-128-gcm cert.pem
openssl cms -sign -in text -signer cert.pem -inkey key-rsa.pem -outform DER -nodetach -out cmssigned.der
openssl cms -sign -stream -in text -signer cert.pem -inkey key-rsa.pem -outform DER -nodetach -out cmssignedber.der
openssl cms -digest_create -in text -outform DER -out cmsdigest.der
openssl cms -data_create -in text -outform DER -out cmsdata.der
openssl cms -EncryptedData_encrypt -secretkey 000102030405060708090a0b0c0d0e0f -aes128 -in text -outform DER -out cmsenc.der
openssl pkcs12 -export -in cert.pem -inkey key-rsa.pem -passout pass:x -out p12.der
openssl pkcs12 -export -nokeys -in cert.pem -passout pass:x -out p12certs.der
openssl ts -query -data text -sha256 -cert -out tsq.der; openssl ts -query -data text -sha256 -no_nonce -out tsqplain.der
openssl req -new -x509 -config cnf -key key-rsa.pem -days 30 -addext extendedKeyUsage=critical,timeStamping -out tsa.pem; cp key-rsa.pem tsakey.pem
openssl ts -reply -config cnf -section t -queryfile tsq.der -out tsr.der
openssl ts -reply -config cnf -section t -queryfile tsq.der -token_out -out tst.der
openssl ts -query -data text -sha1 -out tsqbad.der; openssl ts -reply -config cnf -section t -queryfile tsqbad.der -out tsrbad.der || true
openssl spkac -key key-rsa.pem -out spkac.txt
echo done
`

// asks are how OpenSSL is asked what a file in DER is.
var asks = []struct {
	args  string
	kinds []bundle.Kind
}{
	{"x509 -inform DER -noout -in", []bundle.Kind{bundle.Certificate}},
	{"crl -inform DER -noout -in", []bundle.Kind{bundle.CRL}},
	{"req -inform DER -noout -in", []bundle.Kind{bundle.CertificateRequest}},
	{"ocsp -noverify -reqin", []bundle.Kind{bundle.OCSPRequest}},
	{"ocsp -noverify -respin", []bundle.Kind{bundle.OCSPResponse}},
	{"asn1parse -inform DER -item PKCS7 -in", []bundle.Kind{bundle.PKCS7, bundle.CMS, bundle.TimeStampToken}},
	{"cms -cmsout -noout -inform DER -in", []bundle.Kind{bundle.PKCS7, bundle.CMS, bundle.TimeStampToken}},
	{"ts -query -text -in", []bundle.Kind{bundle.TimeStampQuery}},
	{"ts -reply -text -in", []bundle.Kind{bundle.TimeStampReply}},
	{"ts -reply -token_in -text -in", []bundle.Kind{bundle.TimeStampToken}},
	{"pkey -inform DER -noout -passin pass:x -in", []bundle.Kind{bundle.PrivateKey, bundle.PKCS12}},
	{"pkey -pubin -inform DER -noout -in", []bundle.Kind{bundle.PublicKey}},
	{"rsa -RSAPublicKey_in -inform DER -noout -in", []bundle.Kind{bundle.PublicKey}},
	{"pkcs12 -noout -passin pass:x -in", []bundle.Kind{bundle.PKCS12}},
	{"dhparam -inform DER -noout -in", []bundle.Kind{bundle.Parameters, bundle.PublicKey}}, // two numbers are an RSA key too,
	{"dsaparam -inform DER -noout -in", []bundle.Kind{bundle.Parameters}},
	{"ecparam -inform DER -noout -in", []bundle.Kind{bundle.Parameters}},
}

// A file that OpenSSL made has the name that OpenSSL itself gives it, in DER and in PEM.
func TestNamesAsOpenSSL(t *testing.T) {
	openssl := peers.Path(t, "openssl")
	dir := t.TempDir()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "bash", "-c", papers)
	cmd.Dir = dir
	if out, err := cmd.Output(); err != nil || !strings.HasSuffix(string(out), "done\n") {
		t.Fatalf("the files could not be made: %v: %s", err, out)
	}
	files, _ := filepath.Glob(filepath.Join(dir, "*.der"))
	if len(files) < 35 {
		t.Errorf("only %d files were made", len(files))
	}
	for _, name := range files {
		b, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		base := filepath.Base(name)
		o := only(t, base, b)
		asked := false
		for _, a := range asks {
			args := append(strings.Fields(a.args), name)
			if exec.CommandContext(ctx, openssl, args...).Run() != nil {
				continue
			}
			asked = true
			if !slices.Contains(a.kinds, o) {
				t.Errorf("%s is %s; OpenSSL reads it with %s", base, o, a.args)
			}
		}
		if !asked {
			t.Errorf("%s (%s): OpenSSL reads it with none of its commands", base, o)
		}
		if pem, err := os.ReadFile(strings.TrimSuffix(name, ".der") + ".pem"); err == nil {
			if p := only(t, base, pem); p != o {
				t.Errorf("%s is %s in PEM and %s in DER", base, p, o)
			}
		}
		// What is cut off keeps its name, or has none.
		for _, n := range []int{len(b) - 1, len(b) / 2, len(b) / 4} {
			for _, c := range bundle.Read(b[:n], 0) {
				if k := outer(c); k != o && k != bundle.Unknown {
					t.Errorf("%s, cut to %d bytes, is %s", base, n, c.What())
				}
			}
		}
	}
	for name, want := range map[string]bundle.Kind{"pkcs1enc.pem": bundle.PrivateKey, "trusted.pem": bundle.TrustedCertificate,
		"reqnew.pem": bundle.CertificateRequest, "certed.pem": bundle.Certificate} {
		b, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		if got := only(t, name, b); got != want {
			t.Errorf("%s is %s", name, got)
		}
	}
}

// only returns the kind of what b holds, which is that of the container where there is one.
func only(t *testing.T, name string, b []byte) bundle.Kind {
	t.Helper()
	objects := bundle.Read(b, 0)
	if err := bundle.Whole(objects); err != nil {
		t.Errorf("%s: %v", name, err)
	}
	for _, o := range objects {
		if o.Kind == bundle.PrivateKey && o.Bytes != nil {
			t.Errorf("%s: the bytes of a key are handed on", name)
		}
	}
	return outer(objects[0])
}

func outer(o bundle.Object) bundle.Kind {
	if o.Within != bundle.Unknown {
		return o.Within
	}
	return o.Kind
}

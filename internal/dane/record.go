package dane

import (
	"crypto/sha256"
	"crypto/sha512"
	"fmt"

	"github.com/assaytls/assay/cert"
)

// Record is a TLSA record (RFC 6698, 2.1).
type Record struct {
	Usage    uint8
	Selector uint8
	Matching uint8
	Data     []byte // the certificate association data
}

// The usages (RFC 7218, 2.1).
const (
	pkixTA = 0 // a CA on a path to a trusted root
	pkixEE = 1 // the server's certificate, which has a path to a trusted root
	daneTA = 2 // a CA that is trusted because the record says so
	daneEE = 3 // the server's certificate, whatever its names and dates are
)

// The selectors and the matching types.
const (
	Certificate = 0
	SPKI        = 1

	Full   = 0
	SHA256 = 1
	SHA512 = 2
)

// MaxData bounds the data of a record that is used, in bytes.
const MaxData = 1 << 14

// Parse reads the RDATA of a TLSA record. why says why the record cannot be
// used; it is "" for one that can.
func Parse(rdata []byte) (r Record, why string) {
	if len(rdata) < 3 {
		return r, fmt.Sprintf("the record has %d bytes and needs at least 4", len(rdata))
	}
	r = Record{rdata[0], rdata[1], rdata[2], rdata[3:]}
	size := 0
	switch r.Matching {
	case Full:
	case SHA256:
		size = sha256.Size
	case SHA512:
		size = sha512.Size
	default:
		return r, fmt.Sprintf("matching type %d is not known", r.Matching)
	}
	switch {
	case r.Usage > daneEE:
		return r, fmt.Sprintf("usage %d is not known", r.Usage)
	case r.Selector > SPKI:
		return r, fmt.Sprintf("selector %d is not known", r.Selector)
	case size > 0 && len(r.Data) != size:
		return r, fmt.Sprintf("a hash of %d bytes and not %d", len(r.Data), size)
	case len(r.Data) == 0:
		return r, "the record has no data"
	case len(r.Data) > MaxData:
		return r, fmt.Sprintf("%d bytes of data; at most %d are read", len(r.Data), MaxData)
	case size == 0 && r.Selector == Certificate:
		if c := cert.Parse(r.Data); len(c.RawTBS) == 0 || len(c.Raw) != len(r.Data) {
			return r, "the data is not a certificate"
		}
	case size == 0:
		if _, err := cert.ParsePublicKey(r.Data); err != nil {
			return r, "the data is not a public key"
		}
	}
	return r, ""
}

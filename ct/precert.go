package ct

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"slices"

	"github.com/assaytls/assay/cert"
	"github.com/assaytls/assay/internal/der"
)

// Contents of OBJECT IDENTIFIERs that the rebuild looks for.
var (
	oidSCTList = []byte{0x2b, 0x06, 0x01, 0x04, 0x01, 0xd6, 0x79, 0x02, 0x04, 0x02} // 1.3.6.1.4.1.11129.2.4.2
	oidPoison  = []byte{0x2b, 0x06, 0x01, 0x04, 0x01, 0xd6, 0x79, 0x02, 0x04, 0x03} // 1.3.6.1.4.1.11129.2.4.3
	oidAKI     = []byte{0x55, 0x1d, 0x23}                                           // 2.5.29.35
)

// ekuPrecertSigner is the extended key usage of precertificate signing
// certificates (RFC 6962, 3.1).
const ekuPrecertSigner = "1.3.6.1.4.1.11129.2.4.4"

var (
	errNoIssuer   = errors.New("the issuer's certificate is not known")
	errTBS        = errors.New("the certificate's signed part cannot be read")
	errNoPrecert  = errors.New("the certificate has neither an SCT list nor the poison extension")
	errRepeated   = errors.New("the certificate has the SCT list or the poison extension twice")
	errTooLong    = errors.New("the certificate is too long for a log entry")
	errEntryKinds = errors.New("the certificate has both an SCT list and the poison extension")
)

// PrecertTBS rebuilds what a log signed for the certificate at the head of
// path: its TBSCertificate without the SCT list or poison extension, all other
// octets unchanged (RFC 6962, 3.2), and the SHA-256 of the issuer's public key.
//
// path is the certificate and its issuers. When the certificate is a
// precertificate that a precertificate signing certificate issued, issuer name
// and authority key identifier become those of the final issuer, which must
// be on the path too.
func PrecertTBS(path []*cert.Certificate) (tbs []byte, issuerKeyHash [32]byte, err error) {
	buf, err := precertEntry(path)
	if err != nil {
		return nil, issuerKeyHash, err
	}
	copy(issuerKeyHash[:], buf[12:])
	return buf[headLen+32+3:], issuerKeyHash, nil
}

// headLen is version, signature type, time stamp and entry type.
const headLen = 1 + 1 + 8 + 2

// x509Entry is the data signed for a certificate logged as it is, up to the
// extensions, with a zero time stamp.
func x509Entry(raw []byte) ([]byte, error) {
	if len(raw) >= 1<<24 {
		return nil, errTooLong
	}
	buf := make([]byte, headLen, headLen+3+len(raw)+entrySlack)
	buf = append(buf, byte(len(raw)>>16), byte(len(raw)>>8), byte(len(raw)))
	return append(buf, raw...), nil
}

// entrySlack leaves room for an SCT's extensions behind an entry.
const entrySlack = 64

// precertEntry is the data signed for a precertificate, up to the extensions,
// with a zero time stamp.
func precertEntry(path []*cert.Certificate) ([]byte, error) {
	c := path[0]
	issuer, signer := issuerOf(path, 0), (*cert.Certificate)(nil)
	if issuer != nil && c.IsPrecertificate && slices.Contains(issuer.ExtKeyUsage, ekuPrecertSigner) {
		signer, issuer = issuer, issuerOf(path, 1)
	}
	if issuer == nil || len(issuer.RawSPKI) == 0 {
		return nil, errNoIssuer
	}
	keyHash := sha256.Sum256(issuer.RawSPKI)
	buf := make([]byte, headLen, headLen+32+3+len(c.RawTBS)+entrySlack)
	buf[11] = 1 // precert_entry
	buf = append(buf, keyHash[:]...)
	buf = append(buf, 0, 0, 0)
	start := len(buf)
	buf, err := appendPrecertTBS(buf, c.RawTBS, signer)
	if err != nil {
		return nil, err
	}
	n := len(buf) - start
	if n >= 1<<24 {
		return nil, errTooLong
	}
	buf[start-3], buf[start-2], buf[start-1] = byte(n>>16), byte(n>>8), byte(n)
	return buf, nil
}

// issuerOf returns the issuer of path[i]: the next certificate, or the
// certificate itself when it is self-issued and the last.
func issuerOf(path []*cert.Certificate, i int) *cert.Certificate {
	if i+1 < len(path) {
		return path[i+1]
	}
	if i < len(path) && len(path[i].RawSubject) > 0 && bytes.Equal(path[i].RawSubject, path[i].RawIssuer) {
		return path[i]
	}
	return nil
}

// signedData completes an entry for s: its time stamp is set in place, its
// extensions follow. The result shares entry's memory.
func signedData(entry []byte, s *SCT) []byte {
	binary.BigEndian.PutUint64(entry[2:], s.Timestamp)
	entry = append(entry, byte(len(s.Extensions)>>8), byte(len(s.Extensions)))
	return append(entry, s.Extensions...)
}

// appendPrecertTBS appends the TBSCertificate tbs without its SCT list or
// poison extension. With a signer, the precertificate signing certificate that
// issued it, issuer name and key identifier are replaced by the signer's.
func appendPrecertTBS(dst, tbs []byte, signer *cert.Certificate) ([]byte, error) {
	outer := der.NewReader(tbs, 0)
	seq, err := outer.Expect(der.Sequence)
	if err != nil || !outer.Empty() {
		return nil, errTBS
	}
	in := seq.Contents()
	var issuer, exts der.Element
	index := 0 // of the field, the version not counted
	for !in.Empty() {
		e, err := in.Next()
		if err != nil {
			return nil, errTBS
		}
		switch {
		case index == 0 && e.Tag == der.Explicit(0):
			continue
		case index == 2:
			issuer = e
		case e.Tag == der.Explicit(3):
			exts = e
		}
		if exts.Raw != nil && !in.Empty() {
			return nil, errTBS // nothing may follow the extensions
		}
		index++
	}
	if exts.Raw == nil || issuer.Raw == nil {
		return nil, errNoPrecert
	}
	kept, err := keptExtensions(exts, signer)
	if err != nil {
		return nil, err
	}
	extLen := 0
	for _, p := range kept {
		extLen += len(p)
	}
	body := seq.Body
	fields := body[:len(body)-len(exts.Raw)]
	before, after := fields, []byte(nil)
	name := []byte(nil)
	if signer != nil {
		at := issuer.Offset - seq.BodyOffset()
		before, name, after = fields[:at], signer.RawIssuer, fields[at+len(issuer.Raw):]
	}
	n := len(before) + len(name) + len(after)
	if extLen > 0 {
		n += headerLen(extLen) + extLen
		n += headerLen(headerLen(extLen) + extLen)
	}
	dst = appendHeader(dst, 0x30, n)
	dst = append(dst, before...)
	dst = append(dst, name...)
	dst = append(dst, after...)
	if extLen > 0 { // an empty list of extensions is not written (RFC 5280, 4.1)
		dst = appendHeader(dst, 0xa3, headerLen(extLen)+extLen)
		dst = appendHeader(dst, 0x30, extLen)
		for _, p := range kept {
			dst = append(dst, p...)
		}
	}
	return dst, nil
}

// keptExtensions returns the extensions that stay, as runs of octets.
func keptExtensions(exts der.Element, signer *cert.Certificate) ([][]byte, error) {
	wrap := exts.Contents()
	list, err := wrap.Expect(der.Sequence)
	if err != nil || !wrap.Empty() {
		return nil, errTBS
	}
	var signerAKI []byte
	if signer != nil {
		signerAKI = extensionValue(signer, "2.5.29.35")
	}
	kept := make([][]byte, 0, 4)
	in := list.Contents()
	run := in.Rest() // the extensions since the last cut
	runAt := in.Offset()
	scts, poison, aki := 0, 0, false
	cut := func(e der.Element) {
		if n := e.Offset - runAt; n > 0 {
			kept = append(kept, run[:n])
		}
		run, runAt = in.Rest(), in.Offset()
	}
	for !in.Empty() {
		e, err := in.Expect(der.Sequence)
		if err != nil {
			return nil, errTBS
		}
		oid, err := e.Contents().Expect(der.OID)
		if err != nil {
			return nil, errTBS
		}
		switch {
		case bytes.Equal(oid.Body, oidSCTList):
			scts++
			cut(e)
		case bytes.Equal(oid.Body, oidPoison):
			poison++
			cut(e)
		case signer != nil && bytes.Equal(oid.Body, oidAKI):
			cut(e)
			if aki = true; signerAKI != nil {
				kept = append(kept, withValue(e, signerAKI))
			}
		}
	}
	if len(run) > 0 {
		kept = append(kept, run)
	}
	if signer != nil && !aki && signerAKI != nil {
		kept = append(kept, newExtension(oidAKI, signerAKI))
	}
	switch {
	case scts+poison == 0:
		return nil, errNoPrecert
	case scts > 1 || poison > 1:
		return nil, errRepeated
	case scts+poison > 1:
		return nil, errEntryKinds
	}
	return kept, nil
}

func extensionValue(c *cert.Certificate, oid string) []byte {
	for _, e := range c.Extensions {
		if e.OID == oid {
			return e.Value
		}
	}
	return nil
}

// withValue re-encodes the extension e with another value, its OID and
// criticality unchanged.
func withValue(e der.Element, value []byte) []byte {
	in := e.Contents()
	head := in.Rest()
	n := 0
	for !in.Empty() && in.PeekTag() != der.OctetString {
		x, err := in.Next()
		if err != nil {
			break
		}
		n += len(x.Raw)
	}
	return encodeExtension(head[:n], value)
}

func newExtension(oid, value []byte) []byte {
	return encodeExtension(append([]byte{6, byte(len(oid))}, oid...), value)
}

func encodeExtension(head, value []byte) []byte {
	out := appendHeader(nil, 0x30, len(head)+headerLen(len(value))+len(value))
	out = append(out, head...)
	out = appendHeader(out, 0x04, len(value))
	return append(out, value...)
}

func headerLen(n int) int {
	switch {
	case n < 0x80:
		return 2
	case n < 0x100:
		return 3
	case n < 0x10000:
		return 4
	}
	return 5
}

// appendHeader appends a tag and a DER length below 2^24.
func appendHeader(dst []byte, tag byte, n int) []byte {
	switch headerLen(n) {
	case 2:
		return append(dst, tag, byte(n))
	case 3:
		return append(dst, tag, 0x81, byte(n))
	case 4:
		return append(dst, tag, 0x82, byte(n>>8), byte(n))
	}
	return append(dst, tag, 0x83, byte(n>>16), byte(n>>8), byte(n))
}

package crl

import (
	"bytes"
	"encoding/pem"
	"fmt"

	"github.com/assaytls/assay/finding"
)

const pemBegin = "-----BEGIN "

// findPEM reports whether b is text with a PEM block, and returns it from there.
func findPEM(b []byte) ([]byte, bool) {
	if len(b) == 0 || b[0] == 0x30 {
		return nil, false
	}
	i := bytes.Index(b[:min(len(b), maxHeader)], []byte(pemBegin))
	if i < 0 {
		return nil, false
	}
	return b[i:], true
}

// maxBlocks bounds the PEM blocks of other kinds that are looked past.
const maxBlocks = 1024

// decodePEM returns the contents of the first CRL block.
func decodePEM(b []byte) ([]byte, error) {
	for n := 1; ; n++ {
		block, rest := pem.Decode(b)
		if block == nil {
			return nil, &Error{finding.CRLNotAList, 0, "PEM text without a readable X509 CRL block"}
		}
		if block.Type == "X509 CRL" {
			return block.Bytes, nil
		}
		b = rest
		if n == maxBlocks || !bytes.Contains(b, []byte(pemBegin)) {
			return nil, &Error{finding.CRLNotAList, 0, fmt.Sprintf("PEM of another kind: %q", finding.Quote(block.Type))}
		}
	}
}

// sniff names what the body of a download looks like.
func sniff(b []byte) string {
	t := bytes.TrimLeft(b[:min(len(b), 64)], " \t\r\n\ufeff")
	switch {
	case bytes.HasPrefix(t, []byte("<")):
		return "markup, such as an HTML page"
	case bytes.HasPrefix(t, []byte("{")), bytes.HasPrefix(t, []byte("[")):
		return "JSON"
	case bytes.HasPrefix(t, []byte("\x1f\x8b")):
		return "gzip"
	}
	return fmt.Sprintf("% x", b[:min(len(b), 8)])
}

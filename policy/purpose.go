package policy

import (
	"fmt"
	"slices"
	"strings"
)

// Purpose is what a certificate is used for: one of the constants, or the dotted
// OID of an extended key usage. The zero is a TLS server.
type Purpose string

// The purposes that have words.
const (
	PurposeServer    Purpose = "" // its word is server
	PurposeClient    Purpose = "client"
	PurposeEmail     Purpose = "email"
	PurposeCode      Purpose = "code"
	PurposeOCSP      Purpose = "ocsp"
	PurposeTimestamp Purpose = "timestamp"
	PurposeAny       Purpose = "any" // extended key usage is not looked at
)

const serverWord = "server"

var purposes = []Purpose{PurposeServer, PurposeClient, PurposeEmail, PurposeCode, PurposeOCSP, PurposeTimestamp, PurposeAny}

// ParsePurpose reads a purpose's word or a dotted OID.
func ParsePurpose(s string) (Purpose, error) {
	switch p := Purpose(s); {
	case s == serverWord:
		return PurposeServer, nil
	case s != "" && slices.Contains(purposes, p), CheckOID(s) == nil:
		return p, nil
	}
	var words []string
	for _, known := range purposes {
		words = append(words, known.String())
	}
	return "", fmt.Errorf("%q is not one of %s, or an OID", s, strings.Join(words, ", "))
}

// AllPurpose lists the purposes that have words.
func AllPurpose() []Purpose { return slices.Clone(purposes) }

// String returns the purpose's word or OID.
func (p Purpose) String() string {
	if p == PurposeServer {
		return serverWord
	}
	return string(p)
}

// MarshalText returns the purpose's word or OID.
func (p Purpose) MarshalText() ([]byte, error) {
	if _, err := ParsePurpose(p.String()); err != nil {
		return nil, err
	}
	return []byte(p.String()), nil
}

// UnmarshalText reads a word or an OID.
func (p *Purpose) UnmarshalText(b []byte) error {
	v, err := ParsePurpose(string(b))
	if err == nil {
		*p = v
	}
	return err
}

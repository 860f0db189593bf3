package cert

import (
	"encoding/hex"
	"net/netip"
	"strings"
	"unicode/utf8"

	"github.com/assaytls/assay/internal/der"
)

// String returns the name as RFC 4514 writes it: the last RDN first, special
// characters escaped with a backslash. It is text from the peer: quote it
// before printing. The empty name is "".
func (n Name) String() string {
	var b strings.Builder
	for i := len(n.RDNs) - 1; i >= 0; i-- {
		if b.Len() > 0 {
			b.WriteByte(',')
		}
		writeRDN(&b, n.RDNs[i])
	}
	return b.String()
}

func writeRDN(b *strings.Builder, rdn []Attribute) {
	for j, a := range rdn {
		if j > 0 {
			b.WriteByte('+')
		}
		b.WriteString(OIDName(a.OID))
		b.WriteByte('=')
		if a.isText() && utf8.ValidString(a.Value) {
			escapeDN(b, a.Value)
		} else {
			b.WriteByte('#')
			b.WriteString(hex.EncodeToString(a.Raw))
		}
	}
}

// isText reports whether Value has been decoded from a string type.
func (a Attribute) isText() bool {
	switch der.Tag(a.Tag) {
	case der.PrintableString, der.UTF8String, der.IA5String, der.NumericString, der.T61String, der.BMPString,
		der.UniversalString, der.VisibleString:
		return true
	}
	return false
}

// escapeDN writes s as RFC 4514, 2.4 wants.
func escapeDN(b *strings.Builder, s string) {
	for i := 0; i < len(s); i++ {
		c := s[i]
		switch {
		case strings.IndexByte(`"+,;<>\`, c) >= 0,
			c == '#' && i == 0,
			c == ' ' && (i == 0 || i == len(s)-1):
			b.WriteByte('\\')
			b.WriteByte(c)
		case c == 0:
			b.WriteString(`\00`)
		default:
			b.WriteByte(c)
		}
	}
}

// CommonName returns the last, most specific CN of the name, "" without one.
// It is text from the peer.
func (n Name) CommonName() string {
	for i := len(n.RDNs) - 1; i >= 0; i-- {
		for _, a := range n.RDNs[i] {
			if a.OID == "2.5.4.3" {
				return a.Value
			}
		}
	}
	return ""
}

var usageNames = [...]string{"digitalSignature", "contentCommitment", "keyEncipherment", "dataEncipherment",
	"keyAgreement", "keyCertSign", "cRLSign", "encipherOnly", "decipherOnly"}

// Names returns the names of the usages that are set, as RFC 5280 spells them.
func (u KeyUsage) Names() []string {
	var names []string
	for i, n := range usageNames {
		if u&(1<<i) != 0 {
			names = append(names, n)
		}
	}
	return names
}

// String returns the kind and the value: "dns:example.com", "ip:192.0.2.1",
// "email:…", "uri:…", "dir:CN=…", "other:OID:text", "rid:OID". The value is
// text from the peer: quote it before printing.
func (g GeneralName) String() string {
	switch g.Type {
	case DNSName:
		return "dns:" + g.Value
	case EmailName:
		return "email:" + g.Value
	case URIName:
		return "uri:" + g.Value
	case IPName:
		return "ip:" + ipText(g)
	case DirectoryName:
		return "dir:" + g.Dir.String()
	case RegisteredID:
		return "rid:" + g.Value
	case OtherName:
		return "other:" + OIDName(g.Value) + ":" + otherText(g.Bytes)
	case X400Name:
		return "x400:#" + hex.EncodeToString(g.Bytes)
	case EDIPartyName:
		return "edi:#" + hex.EncodeToString(g.Bytes)
	}
	return g.Type.String()
}

func ipText(g GeneralName) string {
	if g.IP.IsValid() {
		return g.IP.String()
	}
	if n := len(g.Bytes); n == 8 || n == 32 { // a range of name constraints
		addr, _ := netip.AddrFromSlice(g.Bytes[:n/2])
		mask, _ := netip.AddrFromSlice(g.Bytes[n/2:])
		return addr.String() + "/" + mask.String()
	}
	return "#" + hex.EncodeToString(g.Bytes)
}

// otherText returns the text of an otherName whose value is one string, else
// its octets in hexadecimal.
func otherText(raw []byte) string {
	r := der.NewReader(raw, 0)
	e, err := r.Next()
	if err == nil && r.Empty() {
		switch e.Tag {
		case der.UTF8String, der.IA5String, der.PrintableString:
			if utf8.Valid(e.Body) {
				return string(e.Body)
			}
		}
	}
	return "#" + hex.EncodeToString(raw)
}

package forge

import "net"

// Attr is one AttributeTypeAndValue. Tag zero means UTF8String.
type Attr struct {
	OID   string
	Tag   byte
	Value string
}

// DER encodes the attribute.
func (a Attr) DER() []byte {
	if a.Tag == 0 {
		a.Tag = 0x0c
	}
	return Seq(OID(a.OID), TLV(a.Tag, []byte(a.Value)))
}

// DN encodes a Name of single-valued RDNs.
func DN(attrs ...Attr) []byte {
	var rdns [][]byte
	for _, a := range attrs {
		rdns = append(rdns, Set(a.DER()))
	}
	return Seq(rdns...)
}

// CN encodes a Name that has only a common name.
func CN(s string) []byte { return DN(Attr{OID: "2.5.4.3", Value: s}) }

// OCN encodes a Name with an organization and a common name.
func OCN(o, cn string) []byte {
	return DN(Attr{OID: "2.5.4.10", Value: o}, Attr{OID: "2.5.4.3", Value: cn})
}

// EmptyName is the Name without attributes.
func EmptyName() []byte { return Seq() }

// The GeneralName choices. IP takes an address of 4 or 16 octets, IPRaw any octets.
func DNS(s string) []byte            { return Context(2, []byte(s)) }
func Email(s string) []byte          { return Context(1, []byte(s)) }
func URI(s string) []byte            { return Context(6, []byte(s)) }
func IPRaw(b []byte) []byte          { return Context(7, b) }
func DirName(name []byte) []byte     { return Explicit(4, name) }
func RegisteredID(o string) []byte   { return Context(8, oidBody(o)) }
func X400(body []byte) []byte        { return Explicit(3, body) }
func SmtpUTF8(mailbox string) []byte { return OtherName("1.3.6.1.5.5.7.8.9", UTF8(mailbox)) }

// OtherName takes the value's whole element.
func OtherName(oid string, value []byte) []byte { return Explicit(0, OID(oid), Explicit(0, value)) }

// IP takes an address in text form; IPNet is the form for name constraints, in
// CIDR notation.
func IP(s string) []byte {
	ip := net.ParseIP(s)
	if v4 := ip.To4(); v4 != nil {
		return IPRaw(v4)
	}
	return IPRaw(ip)
}

// IPNet is an iPAddress of a name constraint: address and mask.
func IPNet(cidr string) []byte {
	_, n, err := net.ParseCIDR(cidr)
	if err != nil {
		panic("forge: " + err.Error())
	}
	return IPRaw(append(append([]byte{}, n.IP...), n.Mask...))
}

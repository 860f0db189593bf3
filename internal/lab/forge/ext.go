package forge

// Ext is one extension. Value is the contents of the OCTET STRING.
type Ext struct {
	OID      string
	Critical bool
	Value    []byte
}

// DER encodes the extension; critical FALSE is left out, as DER wants.
func (e Ext) DER() []byte {
	if e.Critical {
		return Seq(OID(e.OID), Bool(true), Octets(e.Value))
	}
	return Seq(OID(e.OID), Octets(e.Value))
}

// Crit and NonCrit return e with another criticality.
func (e Ext) Crit() Ext    { e.Critical = true; return e }
func (e Ext) NonCrit() Ext { e.Critical = false; return e }

// Extensions encodes the SEQUENCE OF Extension.
func Extensions(exts []Ext) []byte {
	var parts [][]byte
	for _, e := range exts {
		parts = append(parts, e.DER())
	}
	return Seq(parts...)
}

// BasicConstraints is critical. pathLen -1 means absent.
func BasicConstraints(ca bool, pathLen int) Ext {
	var body []byte
	if ca {
		body = append(body, Bool(true)...)
	}
	if pathLen >= 0 {
		body = append(body, Int(int64(pathLen))...)
	}
	return Ext{"2.5.29.19", true, Seq(body)}
}

// The bits of KeyUsage, by their number in RFC 5280, 4.2.1.3.
const (
	DigitalSignature = iota
	ContentCommitment
	KeyEncipherment
	DataEncipherment
	KeyAgreement
	KeyCertSign
	CRLSign
	EncipherOnly
	DecipherOnly
)

// KeyUsage is critical.
func KeyUsage(bits ...int) Ext { return Ext{"2.5.29.15", true, NamedBits(bits...)} }

// The extended key usages that tests need.
const (
	ServerAuth      = "1.3.6.1.5.5.7.3.1"
	ClientAuth      = "1.3.6.1.5.5.7.3.2"
	CodeSigning     = "1.3.6.1.5.5.7.3.3"
	EmailProtection = "1.3.6.1.5.5.7.3.4"
	TimeStamping    = "1.3.6.1.5.5.7.3.8"
	OCSPSigning     = "1.3.6.1.5.5.7.3.9"
	AnyEKU          = "2.5.29.37.0"
)

// EKU is the extended key usage extension.
func EKU(oids ...string) Ext {
	var parts [][]byte
	for _, o := range oids {
		parts = append(parts, OID(o))
	}
	return Ext{"2.5.29.37", false, Seq(parts...)}
}

// SAN takes GeneralNames (DNS, IP, …).
func SAN(names ...[]byte) Ext { return Ext{"2.5.29.17", false, Seq(names...)} }

// IAN is the issuer alternative name.
func IAN(names ...[]byte) Ext { return Ext{"2.5.29.18", false, Seq(names...)} }

// SKI takes the key identifier.
func SKI(id []byte) Ext { return Ext{"2.5.29.14", false, Octets(id)} }

// AKI takes the issuer's key identifier.
func AKI(id []byte) Ext { return Ext{"2.5.29.35", false, Seq(Context(0, id))} }

// AKIFull has the issuer's name and serial number too; id nil leaves it out.
func AKIFull(id []byte, issuer [][]byte, serial []byte) Ext {
	var parts [][]byte
	if id != nil {
		parts = append(parts, Context(0, id))
	}
	if issuer != nil {
		parts = append(parts, Explicit(1, issuer...))
	}
	if serial != nil {
		parts = append(parts, Context(2, serial))
	}
	return Ext{"2.5.29.35", false, Seq(parts...)}
}

// AIA has OCSP responders and caIssuers URLs.
func AIA(ocsp, caIssuers []string) Ext {
	var parts [][]byte
	for _, u := range ocsp {
		parts = append(parts, Seq(OID("1.3.6.1.5.5.7.48.1"), URI(u)))
	}
	for _, u := range caIssuers {
		parts = append(parts, Seq(OID("1.3.6.1.5.5.7.48.2"), URI(u)))
	}
	return Ext{"1.3.6.1.5.5.7.1.1", false, Seq(parts...)}
}

// DP is a DistributionPoint. Nil fields are left out.
type DP struct {
	FullName  [][]byte // GeneralNames
	Relative  []Attr   // nameRelativeToCRLIssuer
	Reasons   []int    // bit numbers of ReasonFlags
	CRLIssuer [][]byte // GeneralNames
}

func dpName(full [][]byte, relative []Attr) []byte {
	switch {
	case full != nil:
		return Explicit(0, Explicit(0, full...))
	case relative != nil:
		var parts [][]byte
		for _, a := range relative {
			parts = append(parts, a.DER())
		}
		return Explicit(0, Explicit(1, parts...))
	}
	return nil
}

// DER encodes the distribution point.
func (d DP) DER() []byte {
	parts := [][]byte{dpName(d.FullName, d.Relative)}
	if d.Reasons != nil {
		parts = append(parts, Context(1, namedBits(d.Reasons)))
	}
	if d.CRLIssuer != nil {
		parts = append(parts, Explicit(2, d.CRLIssuer...))
	}
	return Seq(parts...)
}

// CRLDP has one distribution point with one URL for each argument.
func CRLDP(urls ...string) Ext {
	var dps []DP
	for _, u := range urls {
		dps = append(dps, DP{FullName: [][]byte{URI(u)}})
	}
	return CRLDPs(dps...)
}

// CRLDPs takes whole distribution points.
func CRLDPs(dps ...DP) Ext { return Ext{"2.5.29.31", false, dpSeq(dps)} }

// FreshestCRL points to delta CRLs; in certificates and in CRLs.
func FreshestCRL(dps ...DP) Ext { return Ext{"2.5.29.46", false, dpSeq(dps)} }

func dpSeq(dps []DP) []byte {
	var parts [][]byte
	for _, d := range dps {
		parts = append(parts, d.DER())
	}
	return Seq(parts...)
}

// IDP is the issuing distribution point of a CRL.
type IDP struct {
	FullName                    [][]byte
	Relative                    []Attr
	OnlyUser, OnlyCA            bool
	OnlySomeReasons             []int
	Indirect, OnlyAttributeCert bool
}

// Ext encodes it as a critical extension.
func (d IDP) Ext() Ext {
	parts := [][]byte{dpName(d.FullName, d.Relative)}
	flag := func(n int, v bool) {
		if v {
			parts = append(parts, Context(n, []byte{0xff}))
		}
	}
	flag(1, d.OnlyUser)
	flag(2, d.OnlyCA)
	if d.OnlySomeReasons != nil {
		parts = append(parts, Context(3, namedBits(d.OnlySomeReasons)))
	}
	flag(4, d.Indirect)
	flag(5, d.OnlyAttributeCert)
	return Ext{"2.5.29.28", true, Seq(parts...)}
}

// NameConstraints is critical; the arguments are GeneralNames (IPNet for
// addresses). nil leaves a part out.
func NameConstraints(permitted, excluded [][]byte) Ext {
	sub := func(n int, names [][]byte) []byte {
		if names == nil {
			return nil
		}
		var parts [][]byte
		for _, b := range names {
			parts = append(parts, Seq(b))
		}
		return Explicit(n, parts...)
	}
	return Ext{"2.5.29.30", true, Seq(sub(0, permitted), sub(1, excluded))}
}

// AnyPolicy is the special policy.
const AnyPolicy = "2.5.29.32.0"

// Policies has no qualifiers.
func Policies(oids ...string) Ext {
	var parts [][]byte
	for _, o := range oids {
		parts = append(parts, Seq(OID(o)))
	}
	return Ext{"2.5.29.32", false, Seq(parts...)}
}

// PolicyMappings takes issuer and subject domain policies alternately.
func PolicyMappings(pairs ...string) Ext {
	var parts [][]byte
	for i := 0; i+1 < len(pairs); i += 2 {
		parts = append(parts, Seq(OID(pairs[i]), OID(pairs[i+1])))
	}
	return Ext{"2.5.29.33", true, Seq(parts...)}
}

// PolicyConstraints: -1 leaves a part out.
func PolicyConstraints(requireExplicit, inhibitMapping int) Ext {
	var body []byte
	if requireExplicit >= 0 {
		body = append(body, Context(0, intBody(bigOf(requireExplicit)))...)
	}
	if inhibitMapping >= 0 {
		body = append(body, Context(1, intBody(bigOf(inhibitMapping)))...)
	}
	return Ext{"2.5.29.36", true, Seq(body)}
}

// InhibitAnyPolicy is critical.
func InhibitAnyPolicy(n int) Ext { return Ext{"2.5.29.54", true, Int(int64(n))} }

// TLSFeature lists TLS extension numbers (RFC 7633); MustStaple is number 5.
func TLSFeature(numbers ...int) Ext {
	var parts [][]byte
	for _, n := range numbers {
		parts = append(parts, Int(int64(n)))
	}
	return Ext{"1.3.6.1.5.5.7.1.24", false, Seq(parts...)}
}

// MustStaple is the TLS feature status_request.
func MustStaple() Ext { return TLSFeature(5) }

// NoRevAvail is RFC 9608's extension, OCSPNoCheck RFC 6960's, Poison RFC 6962's.
func NoRevAvail() Ext  { return Ext{"2.5.29.56", false, Null()} }
func OCSPNoCheck() Ext { return Ext{"1.3.6.1.5.5.7.48.1.5", false, Null()} }
func Poison() Ext      { return Ext{"1.3.6.1.4.1.11129.2.4.3", true, Null()} }

// SCTs embeds a list made by SCTList, in a certificate or (OCSPSCTs) in a
// SingleResponse.
func SCTs(list []byte) Ext     { return Ext{"1.3.6.1.4.1.11129.2.4.2", false, Octets(list)} }
func OCSPSCTs(list []byte) Ext { return Ext{"1.3.6.1.4.1.11129.2.4.5", false, Octets(list)} }

// Unknown is an extension nobody knows.
func Unknown(critical bool) Ext { return Ext{"1.3.6.1.4.1.55555.1.1", critical, UTF8("unknown")} }

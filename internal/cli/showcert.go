package cli

import (
	"crypto/sha1" //nolint:gosec // a fingerprint that people compare, not a signature
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"strconv"
	"strings"

	"github.com/assaytls/assay/cert"
	"github.com/assaytls/assay/internal/papers"
	"github.com/assaytls/assay/internal/render"
)

// certDetails is what assay show tells of a certificate beyond what reports do. Texts are the
// certificate's own: they are quoted where they are printed.
type certDetails struct {
	Fingerprints fingerprints  `json:"fingerprints"`
	Signature    signatureInfo `json:"signature"`

	BasicConstraints  bool                 `json:"has_basic_constraints,omitempty"`
	NameConstraints   *constraintsInfo     `json:"name_constraints,omitempty"`
	Policies          []papers.Policy      `json:"policies,omitempty"`
	PolicyMappings    []mappingInfo        `json:"policy_mappings,omitempty"`
	RequireExplicit   *int                 `json:"require_explicit_policy,omitempty"` // certificates below that need no policy yet
	InhibitMapping    *int                 `json:"inhibit_policy_mapping,omitempty"`
	InhibitAny        *int                 `json:"inhibit_any_policy,omitempty"`
	CRLPoints         []pointInfo          `json:"crl_points,omitempty"`
	FreshestCRL       []pointInfo          `json:"freshest_crl,omitempty"`
	IssuerAltNames    []string             `json:"issuer_alt_names,omitempty"`
	AuthorityIssuer   []string             `json:"authority_issuer,omitempty"` // of the authority key identifier
	AuthoritySerial   string               `json:"authority_serial,omitempty"` // hex
	TLSFeatures       []string             `json:"tls_features,omitempty"`
	QCStatements      []papers.QCStatement `json:"qc_statements,omitempty"`
	Template          *papers.Template     `json:"microsoft_template,omitempty"`
	SID               string               `json:"microsoft_sid,omitempty"`
	Comment           string               `json:"comment,omitempty"`
	OCSPNoCheck       bool                 `json:"ocsp_no_check,omitempty"`
	NoRevAvail        bool                 `json:"no_revocation_available,omitempty"`
	Precertificate    bool                 `json:"precertificate,omitempty"`
	ExtensionsInWords []extensionInfo      `json:"extensions"` // all, in their order
}

// fingerprints are the forms in which other programs name a certificate or its key.
type fingerprints struct {
	SHA256      string `json:"sha256"`       // of the certificate, hex
	SHA256Colon string `json:"sha256_colon"` // the same in capitals with colons, as OpenSSL writes it
	SHA1        string `json:"sha1"`
	SHA1Colon   string `json:"sha1_colon"`
	SPKISHA256  string `json:"spki_sha256"` // of the SubjectPublicKeyInfo, hex
	SPKIPin     string `json:"spki_pin"`    // the same in base64, with the prefix "sha256//" of curl's --pinnedpubkey
	TLSA        string `json:"tlsa"`        // the data of a TLSA record for the key (RFC 6698): 3 1 1
}

type signatureInfo struct {
	Name  string `json:"name"`
	OID   string `json:"oid"`
	About string `json:"about,omitempty"`      // what it is, where nothing but the name is known
	Salt  *int   `json:"salt_bytes,omitempty"` // of RSA-PSS
}

type constraintsInfo struct {
	Critical  bool     `json:"critical"`
	Permitted []string `json:"permitted,omitempty"`
	Excluded  []string `json:"excluded,omitempty"`
}

type mappingInfo struct {
	Issuer  string `json:"issuer"`
	Subject string `json:"subject"`
}

type pointInfo struct {
	Names    []string `json:"names,omitempty"`
	Relative string   `json:"relative_name,omitempty"` // to the issuer's name
	Reasons  []string `json:"reasons,omitempty"`       // those that the list covers; all when none are named
	Issuer   []string `json:"issuer,omitempty"`        // who signs the list, when it is not the issuer
}

type extensionInfo struct {
	OID      string `json:"oid"`
	Name     string `json:"name,omitempty"`
	Critical bool   `json:"critical"`
	Text     string `json:"text,omitempty"` // its value in words; "" when assay does not decode it
	Value    string `json:"value"`          // hex
}

// colons writes a hash as OpenSSL does.
func colons(sum []byte) string {
	pairs := make([]string, len(sum))
	for i, b := range sum {
		pairs[i] = strings.ToUpper(hex.EncodeToString([]byte{b}))
	}
	return strings.Join(pairs, ":")
}

func fingerprintsOf(c *cert.Certificate) fingerprints {
	one, key := sha1.Sum(c.Raw), sha256.Sum256(c.RawSPKI)
	return fingerprints{SHA256: hex.EncodeToString(c.SHA256[:]), SHA256Colon: colons(c.SHA256[:]),
		SHA1: hex.EncodeToString(one[:]), SHA1Colon: colons(one[:]),
		SPKISHA256: hex.EncodeToString(key[:]), SPKIPin: "sha256//" + base64.StdEncoding.EncodeToString(key[:]),
		TLSA: "3 1 1 " + hex.EncodeToString(key[:])}
}

func signatureOf(a cert.Algorithm) signatureInfo {
	s := signatureInfo{Name: a.Name, OID: a.OID, About: a.About}
	if a.OID == oidPSS && a.ParamsOK {
		n := a.SaltLen
		s.Salt = &n
	}
	return s
}

const oidPSS = "1.2.840.113549.1.1.10"

// String is the algorithm on one line.
func (s signatureInfo) String() string {
	if s.About != "" {
		return s.Name + " (" + s.About + ")"
	}
	if s.Salt == nil || *s.Salt == 0 {
		return s.Name
	}
	return s.Name + ", salt " + strconv.Itoa(*s.Salt) + " bytes"
}

// namesOf are general names in words.
func namesOf(list []cert.GeneralName) (out []string) {
	for _, n := range list {
		out = append(out, n.String())
	}
	return out
}

func pointsOf(points []cert.DistributionPoint) (out []pointInfo) {
	for _, p := range points {
		info := pointInfo{Names: namesOf(p.FullName), Issuer: namesOf(p.CRLIssuer), Relative: cert.Name{RDNs: [][]cert.Attribute{p.Relative}}.String()}
		if p.HasReasons {
			info.Reasons = p.Reasons.Names()
		}
		out = append(out, info)
	}
	return out
}

// given returns n as a field that is there, nil for the -1 that stands for none.
func given(n int) *int {
	if n < 0 {
		return nil
	}
	return &n
}

// oidConstraints is nameConstraints (RFC 5280, 4.2.1.10).
const oidConstraints = "2.5.29.30"

func detailsOf(c *cert.Certificate) *certDetails {
	d := &certDetails{Fingerprints: fingerprintsOf(c), Signature: signatureOf(c.Algorithm),
		BasicConstraints: c.HasBasicConstraints,
		CRLPoints:        pointsOf(c.CRLPoints), FreshestCRL: pointsOf(c.FreshestCRL),
		IssuerAltNames: namesOf(c.IssuerAltNames), AuthorityIssuer: namesOf(c.AuthorityIssuer), AuthoritySerial: hex.EncodeToString(c.AuthoritySerial),
		OCSPNoCheck: c.OCSPNoCheck, NoRevAvail: c.NoRevAvail, Precertificate: c.IsPrecertificate,
		InhibitAny: given(c.InhibitAnyPolicy)}
	if c.HasPolicyConstraints {
		d.RequireExplicit, d.InhibitMapping = given(c.RequireExplicitPolicy), given(c.InhibitPolicyMapping)
	}
	for _, m := range c.PolicyMappings {
		d.PolicyMappings = append(d.PolicyMappings, mappingInfo(m))
	}
	if n := c.NameConstraints; n != nil {
		d.NameConstraints = &constraintsInfo{Critical: n.Critical, Permitted: subtrees(n.Permitted), Excluded: subtrees(n.Excluded)}
	}
	for _, n := range c.TLSFeatures {
		d.TLSFeatures = append(d.TLSFeatures, featureWord(n))
	}
	for i, x := range c.Extensions {
		info := extensionInfo{OID: x.OID, Critical: x.Critical, Text: extensionText(c, i), Value: hex.EncodeToString(x.Value)}
		if n := cert.OIDName(x.OID); n != x.OID {
			info.Name = n
		}
		d.ExtensionsInWords = append(d.ExtensionsInWords, info)
		switch x.OID {
		case papers.OIDPolicies:
			d.Policies = papers.ParsePolicies(x.Value)
		case papers.OIDQCStatements:
			d.QCStatements = papers.ParseQCStatements(x.Value)
		case papers.OIDTemplate, papers.OIDTemplateName:
			d.Template = papers.ParseTemplate(x.Value)
		case papers.OIDSID:
			d.SID = papers.ParseSID(x.Value)
		case papers.OIDComment:
			d.Comment = papers.Summary(x.OID, x.Value)
		}
	}
	return d
}

// extensionText is the value of extension i in words, "" when nobody here decodes it.
func extensionText(c *cert.Certificate, i int) string {
	x := &c.Extensions[i]
	if s := papers.Summary(x.OID, x.Value); s != "" {
		return s
	}
	if x.OID == oidConstraints && c.NameConstraints != nil {
		var list []string
		for _, s := range subtrees(c.NameConstraints.Permitted) {
			list = append(list, "permitted "+s)
		}
		for _, s := range subtrees(c.NameConstraints.Excluded) {
			list = append(list, "excluded "+s)
		}
		return strings.Join(list, ", ")
	}
	if s := c.ExtensionSummary(i); !strings.HasPrefix(s, "#") {
		return s
	}
	return ""
}

// subtrees are the bases of name constraints in words. The constraint of DNS names is the whole
// domain with or without a dot (RFC 5280, 4.2.1.10), so it is shown as it stands.
func subtrees(list []cert.Subtree) (out []string) {
	for _, s := range list {
		text := s.Base.String()
		if s.Prefix.IsValid() {
			text = "ip:" + s.Prefix.String()
		}
		if s.Minimum != 0 || s.Maximum >= 0 {
			text += " (minimum " + strconv.Itoa(s.Minimum)
			if s.Maximum >= 0 {
				text += ", maximum " + strconv.Itoa(s.Maximum)
			}
			text += ")"
		}
		out = append(out, text)
	}
	return out
}

// featureWord names a TLS extension of RFC 7633.
func featureWord(n int) string {
	switch n {
	case 5:
		return "status_request"
	case 17:
		return "status_request_v2"
	}
	return strconv.Itoa(n)
}

// rows are what is shown below the lines that reports have.
func (d *certDetails) rows(verbose bool) (rows []render.Row) {
	add := func(label, value string) { rows = append(rows, render.Row{Label: label, Value: value}) }
	if d.Signature.Salt != nil || d.Signature.About != "" {
		add("signature", d.Signature.String())
	}
	add("SHA-256", d.Fingerprints.SHA256Colon)
	add("SHA-1", d.Fingerprints.SHA1)
	if verbose {
		add("SHA-1", d.Fingerprints.SHA1Colon)
	}
	add("pin", d.Fingerprints.SPKIPin)
	add("TLSA", d.Fingerprints.TLSA)
	for _, x := range d.ExtensionsInWords {
		name := x.Name
		if name == "" {
			name = x.OID
		}
		if x.Critical {
			name += " (critical)"
		}
		switch {
		case x.Text != "":
			add("extension", name+": "+x.Text)
		case x.Value == "":
			add("extension", name+": empty")
		default:
			add("extension", name+": "+shortHex(x.Value, verbose))
		}
		if verbose && x.Text != "" {
			add("", "#"+x.Value)
		}
	}
	return rows
}

// shortHex is a value that nobody decoded: its beginning, unless all is asked for.
func shortHex(s string, verbose bool) string {
	const most = 64
	if len(s) <= most || verbose {
		return "#" + s
	}
	return "#" + s[:most] + "... (" + strconv.Itoa(len(s)/2) + " bytes; -v shows them)"
}

package papers

import (
	"encoding/hex"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/assaytls/assay/cert"
	"github.com/assaytls/assay/finding"
	"github.com/assaytls/assay/internal/der"
)

// The extensions that no judge reads and people look for.
const (
	OIDPolicies     = "2.5.29.32"
	OIDQCStatements = "1.3.6.1.5.5.7.1.3"
	OIDTemplate     = "1.3.6.1.4.1.311.21.7"
	OIDTemplateName = "1.3.6.1.4.1.311.20.2"
	OIDSID          = "1.3.6.1.4.1.311.25.2"
	OIDComment      = "2.16.840.1.113730.1.13"
	OIDKeyPeriod    = "2.5.29.16"
)

// maxParts bounds what is read of one extension.
const maxParts = 1000

// Policy is one PolicyInformation (RFC 5280, 4.2.1.4).
type Policy struct {
	OID        string      `json:"oid"`            // dotted
	Name       string      `json:"name,omitempty"` // its usual name; "" when not known
	Qualifiers []Qualifier `json:"qualifiers,omitempty"`
}

// Qualifier is one PolicyQualifierInfo. Its texts are the issuer's.
type Qualifier struct {
	OID          string `json:"oid"`
	CPS          string `json:"cps,omitempty"`          // the address of a certification practice statement
	Organization string `json:"organization,omitempty"` // whose notice it is
	Numbers      []int  `json:"numbers,omitempty"`      // of the organization's notices
	Notice       string `json:"notice,omitempty"`       // the text for relying parties
	Value        string `json:"value,omitempty"`        // hex, of a qualifier of another kind
}

// String is the policy on one line.
func (p Policy) String() string {
	text := p.OID
	if p.Name != "" {
		text = p.Name + " (" + p.OID + ")"
	}
	for _, q := range p.Qualifiers {
		switch {
		case q.CPS != "":
			text += ", CPS " + q.CPS
		case q.Value != "":
			text += ", qualifier " + cert.OIDName(q.OID) + " #" + q.Value
		default:
			text += ", notice"
			if q.Organization != "" {
				text += " of " + q.Organization
				for i, n := range q.Numbers {
					text += [...]string{" number ", ", "}[min(i, 1)] + strconv.Itoa(n)
				}
			}
			if q.Notice != "" {
				text += " \"" + q.Notice + "\""
			}
		}
	}
	return text
}

// parts returns the elements of the SEQUENCE that value is, as far as they can be read.
func parts(value []byte) (out []der.Element) {
	list, err := der.NewReader(value, 0).Expect(der.Sequence)
	if err != nil {
		return nil
	}
	return within(list)
}

// within returns the elements in e, as far as they can be read.
func within(e der.Element) (out []der.Element) {
	in := e.Contents()
	for !in.Empty() && len(out) < maxParts {
		e, err := in.Next()
		if err != nil {
			break
		}
		out = append(out, e)
	}
	return out
}

// oidOf returns the object identifier that e is; "" when it is none.
func oidOf(e der.Element) string {
	if e.Tag != der.OID {
		return ""
	}
	text, _ := der.OIDText(e.Body)
	return text
}

// textOf returns the text of a string, "" of anything else.
func textOf(e der.Element) string {
	switch e.Tag {
	case der.UTF8String, der.IA5String, der.PrintableString, der.VisibleString, der.NumericString, der.T61String:
		if utf8.Valid(e.Body) {
			return string(e.Body)
		}
	case der.BMPString:
		var units []uint16
		for i := 0; i+1 < len(e.Body); i += 2 {
			units = append(units, uint16(e.Body[i])<<8|uint16(e.Body[i+1]))
		}
		return string(utf16.Decode(units))
	}
	return ""
}

// ParsePolicies decodes the contents of a certificatePolicies extension, as far as it can be read.
func ParsePolicies(value []byte) (out []Policy) {
	for _, info := range parts(value) {
		in := within(info)
		if len(in) == 0 || oidOf(in[0]) == "" {
			continue
		}
		p := Policy{OID: oidOf(in[0])}
		if n := cert.OIDName(p.OID); n != p.OID {
			p.Name = n
		}
		if len(in) > 1 {
			for _, q := range within(in[1]) {
				p.Qualifiers = append(p.Qualifiers, qualifier(within(q)))
			}
		}
		out = append(out, p)
	}
	return out
}

// qualifier decodes an identifier and its value.
func qualifier(in []der.Element) (q Qualifier) {
	if len(in) == 0 {
		return q
	}
	q.OID = oidOf(in[0])
	if len(in) < 2 {
		return q
	}
	value := in[1]
	switch {
	case value.Tag == der.IA5String:
		q.CPS = textOf(value)
	case value.Tag == der.Sequence && q.OID == "1.3.6.1.5.5.7.2.2":
		for _, e := range within(value) {
			if e.Tag != der.Sequence {
				q.Notice = textOf(e)
				continue
			}
			reference := within(e)
			if len(reference) > 0 {
				q.Organization = textOf(reference[0])
			}
			if len(reference) > 1 {
				for _, n := range within(reference[1]) {
					if v, ok := der.SmallInt(n.Body); ok && n.Tag == der.Integer {
						q.Numbers = append(q.Numbers, v)
					}
				}
			}
		}
	default:
		q.Value = hex.EncodeToString(value.Raw)
	}
	return q
}

// QCStatement is one of the statements of RFC 3739, 3.2.6.
type QCStatement struct {
	OID   string `json:"oid"`             // dotted
	Name  string `json:"name,omitempty"`  // its name in RFC 3739 or ETSI EN 319 412-5
	Value string `json:"value,omitempty"` // what it states, in words
}

// String is the statement on one line.
func (s QCStatement) String() string {
	text := s.Name
	if text == "" {
		text = s.OID
	}
	if s.Value != "" {
		text += ": " + s.Value
	}
	return text
}

var statementNames = map[string]string{
	"1.3.6.1.5.5.7.11.1": "qcs-pkixQCSyntax-v1", "1.3.6.1.5.5.7.11.2": "qcs-pkixQCSyntax-v2",
	"0.4.0.1862.1.1": "QcCompliance", "0.4.0.1862.1.2": "QcLimitValue", "0.4.0.1862.1.3": "QcRetentionPeriod",
	"0.4.0.1862.1.4": "QcSSCD", "0.4.0.1862.1.5": "QcPDS", "0.4.0.1862.1.6": "QcType", "0.4.0.1862.1.7": "QcCClegislation",
	"0.4.0.19495.2": "PSD2",
}

var statementValues = map[string]string{
	"0.4.0.1862.1.6.1": "electronic signatures", "0.4.0.1862.1.6.2": "electronic seals", "0.4.0.1862.1.6.3": "website authentication",
	"0.4.0.194121.1.1": "natural person", "0.4.0.194121.1.2": "legal person",
	"0.4.0.19495.1.1": "PSP_AS", "0.4.0.19495.1.2": "PSP_PI", "0.4.0.19495.1.3": "PSP_AI", "0.4.0.19495.1.4": "PSP_IC",
}

// ParseQCStatements decodes the contents of a qcStatements extension, as far as it can be read.
func ParseQCStatements(value []byte) (out []QCStatement) {
	for _, e := range parts(value) {
		in := within(e)
		if len(in) == 0 || oidOf(in[0]) == "" {
			continue
		}
		s := QCStatement{OID: oidOf(in[0])}
		s.Name = statementNames[s.OID]
		if len(in) > 1 {
			s.Value = words(in[1], 0)
		}
		if fields := strings.Split(s.Value, ", "); s.OID == "0.4.0.1862.1.2" && len(fields) == 3 { // MonetaryValue: currency, amount, exponent
			s.Value = fields[1] + "e" + fields[2] + " " + fields[0]
		} else if s.OID == "0.4.0.1862.1.3" && s.Value != "" {
			s.Value += " years"
		}
		out = append(out, s)
	}
	return out
}

// maxWordsDepth bounds how deep words looks.
const maxWordsDepth = 6

// words are the texts, numbers and names in e, in their order.
func words(e der.Element, depth int) string {
	if e.Tag&0x20 != 0 && depth < maxWordsDepth {
		var list []string
		for _, in := range within(e) {
			if w := words(in, depth+1); w != "" {
				list = append(list, w)
			}
		}
		return strings.Join(list, ", ")
	}
	if s := textOf(e); s != "" {
		return s
	}
	if oid := oidOf(e); oid != "" {
		if v := statementValues[oid]; v != "" {
			return v
		}
		return cert.OIDName(oid)
	}
	if v, ok := der.SmallInt(e.Body); ok && e.Tag == der.Integer {
		return strconv.Itoa(v)
	}
	return "#" + hex.EncodeToString(e.Raw)
}

// Template is the certificate template that Microsoft's CAs write: its name (version 1), or its
// identifier and version.
type Template struct {
	Name  string `json:"name,omitempty"`
	OID   string `json:"oid,omitempty"`
	Major *int   `json:"major,omitempty"`
	Minor *int   `json:"minor,omitempty"`
}

// String is the template on one line.
func (t Template) String() string {
	text := t.Name + t.OID
	if t.Major != nil {
		text += ", version " + strconv.Itoa(*t.Major)
		if t.Minor != nil {
			text += "." + strconv.Itoa(*t.Minor)
		}
	}
	return text
}

// ParseTemplate decodes the contents of a template extension of either form; nil when it cannot.
func ParseTemplate(value []byte) *Template {
	e, err := der.NewReader(value, 0).Next()
	if err != nil {
		return nil
	}
	if name := textOf(e); name != "" {
		return &Template{Name: name}
	}
	in := within(e)
	if len(in) == 0 || oidOf(in[0]) == "" {
		return nil
	}
	t := &Template{OID: oidOf(in[0])}
	for i, field := range [...]**int{&t.Major, &t.Minor} {
		if i+1 < len(in) && in[i+1].Tag == der.Integer {
			if v, ok := der.SmallInt(in[i+1].Body); ok {
				*field = &v
			}
		}
	}
	return t
}

// ParseSID returns the security identifier of an account in Active Directory, which Microsoft's CAs
// write as an otherName in an extension of its own; "" when there is none.
func ParseSID(value []byte) string {
	for _, name := range parts(value) {
		in := within(name)
		if len(in) != 2 || oidOf(in[0]) != OIDSID+".1" {
			continue
		}
		octets := within(in[1])
		if len(octets) == 1 && octets[0].Tag == der.OctetString && utf8.Valid(octets[0].Body) {
			return string(octets[0].Body)
		}
	}
	return ""
}

// Summary describes the value of an extension that this package decodes; "" of others.
func Summary(oid string, value []byte) string {
	var list []string
	switch oid {
	case OIDPolicies:
		for _, p := range ParsePolicies(value) {
			list = append(list, p.String())
		}
	case OIDQCStatements:
		for _, s := range ParseQCStatements(value) {
			list = append(list, s.String())
		}
	case OIDTemplate, OIDTemplateName:
		if t := ParseTemplate(value); t != nil {
			return t.String()
		}
	case OIDSID:
		return ParseSID(value)
	case OIDComment:
		if e, err := der.NewReader(value, 0).Next(); err == nil {
			return textOf(e)
		}
	case OIDKeyPeriod:
		for _, e := range parts(value) {
			word := map[der.Tag]string{der.Context(0): "from ", der.Context(1): "to "}[e.Tag]
			if t, _, ok := der.ParseTime(der.GeneralizedTime, e.Body); ok && word != "" {
				list = append(list, word+finding.Time(t))
			}
		}
		return strings.Join(list, " ")
	case "1.3.6.1.4.1.311.21.10": // Microsoft's application policies are policies whose identifiers are purposes
		for _, p := range ParsePolicies(value) {
			list = append(list, p.String())
		}
	}
	return strings.Join(list, "; ")
}

package rootstores

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/assaytls/assay/cert"
	"github.com/assaytls/assay/internal/der"
	"github.com/assaytls/assay/policy"
	"github.com/assaytls/assay/programs"
)

// maxObjects bounds the objects of certdata.txt; in 2026 there are some 340.
const maxObjects = 20000

// nssObject is one object of certdata.txt: attributes by name. A value in octal
// stands as its bytes, any other as its text.
type nssObject map[string]string

// readCertdata reads Mozilla's certdata.txt (NSS): objects of PKCS #11 as text, a
// certificate and what it is trusted for in two of them, joined by issuer and serial
// number.
func readCertdata(b []byte) (*Publication, error) {
	objects, err := nssObjects(string(b))
	if err != nil {
		return nil, err
	}
	certs := map[string]nssObject{} // by issuer and serial number
	for _, o := range objects {
		if o["CKA_CLASS"] != "CKO_CERTIFICATE" {
			continue
		}
		if o.key() == "" || certs[o.key()] != nil {
			return nil, fmt.Errorf("the certificate %.80q has no issuer and serial number of its own", o["CKA_LABEL"])
		}
		certs[o.key()] = o
	}
	list := programs.List{Program: policy.ProgramMozilla}
	for _, o := range objects {
		if class := o["CKA_CLASS"]; class != "CKO_NSS_TRUST" && (class != "CKO_TRUST" || o.key() == "") {
			continue
		}
		e, err := nssEntry(o, certs[o.key()])
		if err != nil {
			return nil, fmt.Errorf("%.80q: %w", o["CKA_LABEL"], err)
		}
		if e.Trust != programs.Unlisted {
			list.Entries = append(list.Entries, e)
		}
		delete(certs, o.key())
	}
	for _, o := range certs { // without a word about trust it is trusted for nothing
		return nil, fmt.Errorf("nothing says what the certificate %.80q is trusted for", o["CKA_LABEL"])
	}
	return &Publication{Kind: Certdata, Lists: []programs.List{list}}, nil
}

// key is what joins a certificate and its trust, "" for objects without.
func (o nssObject) key() string {
	if o["CKA_ISSUER"] == "" || o["CKA_SERIAL_NUMBER"] == "" {
		return ""
	}
	return o["CKA_ISSUER"] + "\x00" + o["CKA_SERIAL_NUMBER"]
}

// nssTrust are the values of CKA_TRUST_SERVER_AUTH (and of PKCS #11's own
// CKA_PKCS_TRUST_SERVER_AUTH). A certificate that is trusted itself, and not as an
// issuer, is no anchor.
var nssTrust = map[string]programs.Trust{
	"CKT_NSS_TRUSTED_DELEGATOR": programs.Anchor, "CKT_TRUST_ANCHOR": programs.Anchor,
	"CKT_NSS_MUST_VERIFY_TRUST": programs.NotTLS, "CKT_TRUST_MUST_VERIFY_TRUST": programs.NotTLS, "CKT_NSS_TRUST_UNKNOWN": programs.NotTLS,
	"CKT_TRUST_UNKNOWN": programs.NotTLS, "CKT_NSS_TRUSTED": programs.NotTLS, "CKT_TRUSTED": programs.NotTLS,
	"CKT_NSS_NOT_TRUSTED": programs.Distrusted, "CKT_NOT_TRUSTED": programs.Distrusted,
}

// nssEntry makes an entry of an object of trust and the certificate it is for. Without
// a certificate only distrust means something.
func nssEntry(trust, object nssObject) (programs.Entry, error) {
	word := trust["CKA_TRUST_SERVER_AUTH"]
	if word == "" {
		word = trust["CKA_PKCS_TRUST_SERVER_AUTH"]
	}
	e := programs.Entry{Name: shorten(trust["CKA_LABEL"])}
	var known bool
	if e.Trust, known = nssTrust[word]; !known {
		return e, fmt.Errorf("it is trusted for servers as %.80q, which is not known", word)
	}
	if object == nil {
		if e.Trust != programs.Distrusted {
			e.Trust = programs.Unlisted
			return e, nil
		}
		serial, err := der.NewReader([]byte(trust["CKA_SERIAL_NUMBER"]), 0).Expect(der.Integer)
		if err != nil {
			return e, errors.New("its serial number cannot be read")
		}
		e.IssuerSerial = programs.HashIssuerSerial([]byte(trust["CKA_ISSUER"]), serial.Body)
		return e, nil
	}
	raw := []byte(object["CKA_VALUE"])
	c := cert.Parse(raw)
	if len(raw) == 0 || c.RawSubject == nil || !bytes.Equal(c.RawIssuer, []byte(trust["CKA_ISSUER"])) {
		return e, errors.New("its certificate cannot be read, or is that of another issuer")
	}
	e.SHA256, e.SubjectHash = sha256.Sum256(raw), programs.HashSubject(c.RawSubject)
	if name := c.Subject.CommonName(); name != "" {
		e.Name = shorten(name)
	}
	switch date := object["CKA_NSS_SERVER_DISTRUST_AFTER"]; date {
	case "", "CK_FALSE":
	default:
		after, err := nssTime(date)
		if err != nil {
			return e, err
		}
		e.DistrustAfter = after
	}
	return e, nil
}

// nssTime reads a date: the contents of a UTCTime or a GeneralizedTime.
func nssTime(s string) (time.Time, error) {
	tag := der.UTCTime
	if len(s) == len("20260415235959Z") {
		tag = der.GeneralizedTime
	}
	t, _, ok := der.ParseTime(tag, []byte(s))
	if !ok {
		return t, fmt.Errorf("it is distrusted after %.40q, which is no date", s)
	}
	return t, nil
}

// nssObjects reads the objects. Each begins with CKA_CLASS.
func nssObjects(text string) ([]nssObject, error) {
	_, text, found := strings.Cut(text, "\nBEGINDATA")
	if !found {
		return nil, errors.New("the line BEGINDATA is missing")
	}
	var objects []nssObject
	lines := strings.Split(text, "\n")
	for i := 0; i < len(lines); i++ {
		line := strings.TrimSuffix(lines[i], "\r")
		if line == "" || line[0] == '#' {
			continue
		}
		name, rest, _ := strings.Cut(line, " ")
		kind, value, _ := strings.Cut(rest, " ")
		if name == "CKA_CLASS" {
			if len(objects) == maxObjects {
				return nil, fmt.Errorf("more than %d objects", maxObjects)
			}
			objects = append(objects, nssObject{})
		}
		if len(objects) == 0 || !strings.HasPrefix(name, "CKA_") {
			return nil, fmt.Errorf("line %d after BEGINDATA is no attribute: %.60q", i, line)
		}
		o := objects[len(objects)-1]
		if _, twice := o[name]; twice {
			return nil, fmt.Errorf("line %d after BEGINDATA: %s for a second time", i, shorten(name))
		}
		switch kind {
		case "MULTILINE_OCTAL":
			var err error
			if value, i, err = octal(lines, i+1); err != nil {
				return nil, err
			}
		case "UTF8":
			value = strings.Trim(value, `"`)
		}
		o[name] = value
	}
	return objects, nil
}

// octal reads bytes written as \ooo up to the line END, and returns that line's place.
func octal(lines []string, at int) (string, int, error) {
	var b strings.Builder
	for ; at < len(lines); at++ {
		line := strings.TrimSuffix(lines[at], "\r")
		if line == "END" {
			return b.String(), at, nil
		}
		for ; line != ""; line = line[4:] {
			if len(line) < 4 || line[0] != '\\' || !octalDigit(line[1], '3') || !octalDigit(line[2], '7') || !octalDigit(line[3], '7') {
				return "", at, fmt.Errorf("line %d after BEGINDATA is not in octal digits: %.60q", at, line)
			}
			b.WriteByte((line[1]-'0')<<6 | (line[2]-'0')<<3 | (line[3] - '0'))
		}
		if b.Len() > cert.MaxSize {
			return "", at, errors.New("a value of more than 2 MB")
		}
	}
	return "", at, errors.New("the file ends within a value: it was cut off")
}

func octalDigit(c, last byte) bool { return '0' <= c && c <= last }

package rootstores

import (
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"
	"unicode/utf16"

	"github.com/assaytls/assay/internal/der"
	"github.com/assaytls/assay/policy"
	"github.com/assaytls/assay/programs"
)

// OIDs of certificate trust lists ([MS-CAESO], 2.2.1.5; wincrypt.h).
const (
	oidSignedData   = "1.2.840.113549.1.7.2"
	oidCTL          = "1.3.6.1.4.1.311.10.1"
	oidRootList     = "1.3.6.1.4.1.311.10.3.9" // szOID_ROOT_LIST_SIGNER
	oidProperty     = "1.3.6.1.4.1.311.10.11." // and the number of a property
	propUsages      = oidProperty + "9"        // CERT_ENHKEY_USAGE_PROP_ID
	propName        = oidProperty + "11"       // CERT_FRIENDLY_NAME_PROP_ID
	propSubjectMD5  = oidProperty + "29"       // CERT_SUBJECT_NAME_MD5_HASH_PROP_ID
	propSHA256      = oidProperty + "98"       // CERT_SHA256_HASH_PROP_ID
	propDisallowed  = oidProperty + "104"      // CERT_DISALLOWED_FILETIME_PROP_ID
	propNoUsages    = oidProperty + "122"      // CERT_DISALLOWED_ENHKEY_USAGE_PROP_ID
	propNotBefore   = oidProperty + "126"      // CERT_NOT_BEFORE_FILETIME_PROP_ID
	propNotBeforeOf = oidProperty + "127"      // CERT_NOT_BEFORE_ENHKEY_USAGE_PROP_ID
)

// maxProperties bounds the properties of one certificate; there are at most ten.
const maxProperties = 64

// readAuthRoot reads Microsoft's authroot.stl: signed data (PKCS #7) around a
// certificate trust list, whose entries have the SHA-1 of a root and properties.
func readAuthRoot(b []byte) (*Publication, error) {
	s, err := readSignedData(b)
	if err != nil {
		return nil, err
	}
	p := &Publication{Kind: AuthRoot}
	r := s.content.Reader()
	usage, err := r.Expect(der.Sequence)
	if err != nil {
		return nil, fmt.Errorf("the list's usage: %w", err)
	}
	if of, err := oids(usage.Body); err != nil || !slices.Equal(of, []string{oidRootList}) {
		return nil, errors.New("it is a list of something else than Microsoft's roots: authrootstl.cab has the right one")
	}
	if _, _, err := r.Optional(der.OctetString); err != nil { // the list's identifier
		return nil, err
	}
	number, numbered, err := r.Optional(der.Integer)
	if err != nil {
		return nil, err
	}
	if numbered {
		p.Version = fmt.Sprintf("%X", number.Body[:min(len(number.Body), 20)])
	}
	made, err := r.Next()
	if err != nil {
		return nil, fmt.Errorf("the list's date: %w", err)
	}
	var ok bool
	if p.Made, _, ok = der.ParseTime(made.Tag, made.Body); !ok {
		return nil, errors.New("the list has no date")
	}
	if r.PeekTag() == der.UTCTime || r.PeekTag() == der.GeneralizedTime { // nextUpdate
		if _, err := r.Next(); err != nil {
			return nil, err
		}
	}
	if _, err := r.Expect(der.Sequence); err != nil { // the algorithm of the entries' identifiers
		return nil, err
	}
	all, err := r.Expect(der.Sequence)
	if err != nil {
		return nil, fmt.Errorf("the list's entries: %w", err)
	}
	var found entries
	for body := all.Contents(); !body.Empty(); {
		one, err := body.Expect(der.Sequence)
		if err != nil {
			return nil, fmt.Errorf("entry %d: %w", len(found.list), err)
		}
		e, err := authRootEntry(one)
		if err == nil {
			err = found.add(e)
		}
		if err != nil {
			return nil, fmt.Errorf("entry %d: %w", len(found.list), err)
		}
	}
	p.Lists = []programs.List{{Program: policy.ProgramMicrosoft, Entries: found.list}}
	root, err := base64.StdEncoding.DecodeString(microsoftRoot)
	if err != nil {
		return nil, err
	}
	p.Signature = s.verify(root)
	return p, nil
}

// authRootEntry reads one entry: SEQUENCE { SHA-1, SET OF SEQUENCE { OID, SET { OCTET STRING } } }.
func authRootEntry(one der.Element) (programs.Entry, error) {
	e := programs.Entry{Trust: programs.Anchor}
	properties, err := ctlProperties(one)
	if err != nil {
		return e, err
	}
	hash, md5 := properties[propSHA256], properties[propSubjectMD5]
	if len(hash) != 32 {
		return e, errors.New("no SHA-256 fingerprint")
	}
	e.SHA256 = [32]byte(hash)
	if len(md5) == 16 {
		copy(e.SubjectHash[:], md5)
	}
	e.Name = utf16Text(properties[propName])
	if e.Usages, err = ctlUsages(properties, propUsages); err != nil {
		return e, err
	}
	if e.DisallowedUsages, err = ctlUsages(properties, propNoUsages); err != nil {
		return e, err
	}
	if e.Disallowed, err = ctlLimit(properties, propDisallowed, ""); err != nil {
		return e, err
	}
	if e.NotBefore, err = ctlLimit(properties, propNotBefore, propNotBeforeOf); err != nil {
		return e, err
	}
	return e, nil
}

// ctlProperties returns an entry's properties by OID.
func ctlProperties(one der.Element) (map[string][]byte, error) {
	r := one.Reader()
	if _, err := r.Expect(der.OctetString); err != nil {
		return nil, err
	}
	set, err := r.Expect(der.Set)
	if err != nil {
		return nil, err
	}
	properties := map[string][]byte{}
	for attributes := set.Contents(); !attributes.Empty(); {
		attribute, err := attributes.Expect(der.Sequence)
		if err != nil {
			return nil, err
		}
		a := attribute.Reader()
		oid, err := a.Expect(der.OID)
		if err != nil {
			return nil, err
		}
		values, err := a.Expect(der.Set)
		if err != nil {
			return nil, err
		}
		v := values.Reader()
		value, err := v.Expect(der.OctetString)
		if err != nil {
			return nil, err
		}
		name, ok := der.OIDText(oid.Body)
		if _, twice := properties[name]; !ok || twice || !v.Empty() || len(properties) == maxProperties {
			return nil, errors.New("a property that is there twice, has two values or no name")
		}
		properties[name] = value.Body
	}
	return properties, nil
}

// ctlUsages reads a property with extended key usages, nil when it is not there. A
// list without any is for nothing, and what is for nothing is told by an OID that
// nothing has.
func ctlUsages(properties map[string][]byte, name string) ([]string, error) {
	value, there := properties[name]
	if !there {
		return nil, nil
	}
	r := der.NewReader(value, 0)
	seq, err := r.Expect(der.Sequence)
	if err != nil || !r.Empty() {
		return nil, fmt.Errorf("the property %s is no list of usages", name)
	}
	list, err := oids(seq.Body)
	if err != nil {
		return nil, fmt.Errorf("the property %s: %w", name, err)
	}
	if len(list) == 0 {
		return []string{noUsage}, nil
	}
	return sorted(list), nil
}

// noUsage stands for an empty list of usages: id-kp itself, which is no usage.
const noUsage = "1.3.6.1.5.5.7.3"

// ctlLimit reads a property with a date, and the one with the usages that it is for.
// It is nil when the property is not there or is empty: so a date is taken back (of the
// roots with an empty one, CCADB says Included or has the other of the two limits). The date
// 0 is that it has always been so.
func ctlLimit(properties map[string][]byte, name, usages string) (*programs.Limit, error) {
	value := properties[name]
	if len(value) == 0 {
		return nil, nil
	}
	at, err := fileTime(value)
	if err != nil {
		return nil, fmt.Errorf("the property %s: %w", name, err)
	}
	l := &programs.Limit{At: at}
	if usages != "" {
		l.Usages, err = ctlUsages(properties, usages)
	}
	return l, err
}

// fileTime reads a FILETIME: units of 100 ns since 1601, little-endian. 0 gives the
// zero time. Lists made with other tools have a DER time in its place.
func fileTime(b []byte) (time.Time, error) {
	if len(b) > 8 {
		if e, err := der.NewReader(b, 0).Next(); err == nil && len(e.Raw) == len(b) {
			if t, _, ok := der.ParseTime(e.Tag, e.Body); ok {
				return t, nil
			}
		}
	}
	if len(b) != 8 {
		return time.Time{}, fmt.Errorf("%d bytes are no date", len(b))
	}
	units := binary.LittleEndian.Uint64(b)
	if units == 0 {
		return time.Time{}, nil
	}
	const second = 10_000_000
	sec := units / second
	if sec > 300_000_000_000 { // beyond the year 11000
		return time.Time{}, errors.New("a date that nobody means")
	}
	return time.Date(1601, 1, 1, 0, 0, 0, 0, time.UTC).AddDate(0, 0, int(sec/86400)).Add(time.Duration(sec%86400)*time.Second +
		time.Duration(units%second)*100), nil
}

// utf16Text reads text in UTF-16, little-endian, up to the first zero.
func utf16Text(b []byte) string {
	var units []uint16
	for ; len(b) >= 2 && len(units) < 200; b = b[2:] {
		u := binary.LittleEndian.Uint16(b)
		if u == 0 {
			break
		}
		units = append(units, u)
	}
	return shorten(string(utf16.Decode(units)))
}

// oids reads object identifiers that follow one another.
func oids(body []byte) ([]string, error) {
	var list []string
	for r := der.NewReader(body, 0); !r.Empty(); {
		e, err := r.Expect(der.OID)
		if err != nil {
			return nil, err
		}
		text, ok := der.OIDText(e.Body)
		if !ok || len(list) == maxProperties {
			return nil, errors.New("an object identifier that cannot be read, or more than " + strconv.Itoa(maxProperties))
		}
		list = append(list, text)
	}
	return list, nil
}

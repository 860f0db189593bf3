package bundle

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"strings"
	"unicode/utf8"

	"github.com/assaytls/assay/internal/jsonbound"
)

// lead is how much of a text is looked at to tell what it is.
const lead = 4096

// magics are the first bytes of files that are known by them. Comparison does not mind
// the case of letters.
var magics = []struct {
	start string
	seen  seen
}{
	{"\xfe\xed\xfe\xed", seen{kind: KeyStore, detail: "JKS"}},
	{"\xce\xce\xce\xce", seen{kind: KeyStore, detail: "JCEKS"}},
	{"PK\x03\x04", seen{kind: Foreign, detail: "a zip archive"}},
	{"PK\x05\x06", seen{kind: Foreign, detail: "an empty zip archive"}},
	{"\x1f\x8b", seen{kind: Foreign, detail: "a gzip file"}},
	{"BZh", seen{kind: Foreign, detail: "a bzip2 file"}},
	{"\xfd7zXZ\x00", seen{kind: Foreign, detail: "an xz file"}},
	{"7z\xbc\xaf\x27\x1c", seen{kind: Foreign, detail: "a 7-Zip archive"}},
	{"%PDF-", seen{kind: Foreign, detail: "a PDF document"}},
	{"\x7fELF", seen{kind: Foreign, detail: "a program"}},
	{"MZ", seen{kind: Foreign, detail: "a program"}},
	{"SQLite format 3\x00", seen{kind: Foreign, detail: "an SQLite database"}},
	{"<!doctype html", seen{kind: Foreign, detail: "an HTML page"}},
	{"<html", seen{kind: Foreign, detail: "an HTML page"}},
	{"<?xml", seen{kind: Foreign, detail: "an XML document"}},
	{"putty-user-key-file-", seen{kind: PrivateKey, detail: "PuTTY"}},
	{"---- begin ssh2 public key", seen{kind: Foreign, detail: "a public key of SSH"}},
	{"ssh-rsa ", seen{kind: Foreign, detail: "a public key of SSH"}},
	{"ssh-ed25519 ", seen{kind: Foreign, detail: "a public key of SSH"}},
	{"ecdsa-sha2-", seen{kind: Foreign, detail: "a public key of SSH"}},
	{"age-secret-key-", seen{kind: PrivateKey, detail: "age"}},
}

// magic recognises b by its first bytes; the zero seen means that it is none of those.
func magic(b []byte) seen {
	text := bytes.TrimLeft(b[:min(len(b), lead)], " \t\r\n")
	for _, m := range magics {
		start := b
		if m.start[0] >= ' ' && m.start[0] < 0x7f {
			start = text
		}
		if len(start) >= len(m.start) && strings.EqualFold(string(start[:len(m.start)]), m.start) {
			if m.start == "MZ" && utf8.Valid(start[:min(len(start), 64)]) { // base64 begins like that as well
				continue
			}
			return m.seen
		}
	}
	return seen{}
}

// utf16 reports whether b is text in UTF-16, with a mark or by its zeros.
func utf16(b []byte) bool {
	if bytes.HasPrefix(b, []byte{0xff, 0xfe}) || bytes.HasPrefix(b, []byte{0xfe, 0xff}) {
		return true
	}
	for _, order := range []binary.ByteOrder{binary.LittleEndian, binary.BigEndian} {
		n := 0
		for ; n < 8 && 2*n+1 < len(b); n++ {
			if c := order.Uint16(b[2*n:]); c != '\t' && c != '\r' && c != '\n' && (c < ' ' || c > '~') {
				break
			}
		}
		if n == 8 {
			return true
		}
	}
	return false
}

// kubernetes reports whether text looks like an object of Kubernetes in YAML:
// apiVersion and kind begin lines before any PEM block does.
func kubernetes(b []byte) bool {
	version, kind := false, false
	for l := range bytes.Lines(b[:min(len(b), 1<<20)]) {
		if bytes.HasPrefix(l, []byte(begin)) {
			return false
		}
		l = bytes.TrimLeft(l, "- ")
		version = version || bytes.HasPrefix(l, []byte("apiVersion:"))
		kind = kind || bytes.HasPrefix(l, []byte("kind:"))
		if version && kind {
			return true
		}
	}
	return false
}

// Bounds of the JSON texts that are looked into.
const (
	maxJSON       = 64 << 20
	maxJSONValues = 200_000
)

// jsonObject recognises a JSON object by its members. Only an SCT is taken from it; the others are
// read by others.
func jsonObject(b []byte) Object {
	if len(b) > maxJSON || jsonbound.Check(b, maxJSONValues) != nil {
		return Object{Kind: Foreign, Detail: "a large JSON text"}
	}
	var in map[string]json.RawMessage
	if json.Unmarshal(b, &in) != nil {
		return Object{Kind: Foreign, Detail: "a text that begins like JSON and is none"}
	}
	has := func(names ...string) bool {
		for _, n := range names {
			if _, ok := in[n]; !ok {
				return false
			}
		}
		return true
	}
	switch {
	case has("kind", "apiVersion"):
		return Object{Kind: Kubernetes, Detail: "JSON", Bytes: b}
	case has("operators"):
		return Object{Kind: LogList, Bytes: b}
	case has("id", "timestamp", "signature"):
		return addChain(b)
	case has("version", "target"), has("version", "chain"):
		return Object{Kind: SavedEvidence, Bytes: b}
	case has("kty", "d"), has("kty", "k"):
		return Object{Kind: PrivateKey, Detail: "JSON Web Key"}
	case has("kty"):
		return Object{Kind: Foreign, Detail: "a public key as JSON Web Key"}
	case has("keys"):
		return Object{Kind: Foreign, Detail: "a set of JSON Web Keys"}
	case has("verdict"):
		return Object{Kind: Foreign, Detail: "a report of assay"}
	case has("tree_size", "sha256_root_hash"):
		return Object{Kind: Foreign, Detail: "a tree head of a CT log"}
	}
	return Object{Kind: Foreign, Detail: "a JSON text of unknown contents"}
}

// addChain makes the SCT of a log's answer to add-chain (RFC 6962, 4.1).
func addChain(b []byte) Object {
	o := Object{Kind: SCT, Detail: "the answer of a log to add-chain"}
	var in struct {
		Version    int    `json:"sct_version"`
		ID         []byte `json:"id"`
		Timestamp  uint64 `json:"timestamp"`
		Extensions []byte `json:"extensions"`
		Signature  []byte `json:"signature"`
	}
	if err := json.Unmarshal(b, &in); err != nil || in.Version != 0 || len(in.ID) != 32 || len(in.Extensions) >= 1<<16 {
		o.Damage = "the answer of a log has other values than RFC 6962, 4.1, wants"
		return o
	}
	out := append([]byte{0}, in.ID...)
	out = binary.BigEndian.AppendUint64(out, in.Timestamp)
	out = binary.BigEndian.AppendUint16(out, uint16(len(in.Extensions)))
	out = append(append(out, in.Extensions...), in.Signature...)
	if o.Bytes = out; !isSCT(out) {
		o.Bytes, o.Damage = nil, "the signature in the answer of a log is none of RFC 6962, 3.2"
	}
	return o
}

// bare decodes base64 that stands alone, nil when b is something else: what it
// spells must be an object that is recognised, or DER.
func bare(b []byte) []byte {
	head := strings.TrimLeft(string(b[:min(len(b), 64)]), " \t\r\n")
	if head == "" || strings.Trim(head[:min(len(head), 4)], alphabet) != "" {
		return nil
	}
	text := strings.Map(func(c rune) rune {
		if c == ' ' || c == '\t' || c == '\r' || c == '\n' {
			return -1
		}
		return c
	}, string(b))
	dec, err := base64.StdEncoding.DecodeString(text)
	switch {
	case err != nil || len(dec) == 0:
		return nil
	case dec[0] == 0x30, isSCT(dec), isSCTList(dec), magic(dec).kind == KeyStore:
		return dec
	}
	return nil
}

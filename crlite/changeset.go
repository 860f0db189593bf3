package crlite

import (
	"bytes"
	"cmp"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"time"
	"unicode/utf16"

	"github.com/assaytls/assay/internal/jsonbound"
)

// Bounds of a changeset's text. That of the filters has some hundred records.
const (
	maxChangeset       = 32 << 20
	maxChangesetValues = 2_000_000
)

// Changeset is a signed collection of Mozilla's Remote Settings.
type Changeset struct {
	// Timestamp is the collection's version, in milliseconds since 1970. It only
	// rises: an older one is a replay.
	Timestamp  uint64
	Signatures []ChangesetSignature // at least one; a good one is enough
	// Signed is what the signatures are over: a prefix and the canonical JSON of
	// the records. Filters and ParseOneCRL read the records that are in it.
	Signed []byte
	// Records is the canonical JSON of the records, {"data":[…],"last_modified":"…"}.
	Records []byte
}

// ChangesetSignature is one signature over a changeset.
type ChangesetSignature struct {
	R, S []byte // ECDSA P-384 with SHA-384, big-endian, 48 bytes each
	X5U  string // where the signer's certificates are, PEM: leaf, intermediate, root
}

// ParseChangeset reads {"metadata":{"signatures":[…]},"timestamp":…,"changes":[…]}
// and makes of it the text that was signed. It verifies nothing.
func ParseChangeset(b []byte) (*Changeset, error) {
	malformed := func(format string, args ...any) (*Changeset, error) {
		return nil, fmt.Errorf("%w: changeset: %s", ErrMalformed, fmt.Sprintf(format, args...))
	}
	if len(b) > maxChangeset {
		return malformed("%d bytes", len(b))
	}
	if err := jsonbound.Check(b, maxChangesetValues); err != nil {
		return malformed("%v", err)
	}
	var text struct {
		Metadata struct {
			Signature  *rawSignature
			Signatures []rawSignature
		}
		Timestamp uint64
		Changes   *[]map[string]any
	}
	if err := json.Unmarshal(b, &text); err != nil {
		return malformed("%v", err)
	}
	if text.Changes == nil || text.Timestamp == 0 {
		return malformed(`no "changes" or no "timestamp"`)
	}
	records, err := sortedRecords(*text.Changes)
	if err != nil {
		return malformed("%v", err)
	}
	c := &Changeset{Timestamp: text.Timestamp}
	c.Records = canonical(nil, map[string]any{"data": records, "last_modified": strconv.FormatUint(text.Timestamp, 10)})
	c.Signed = append([]byte("Content-Signature:\x00"), c.Records...)
	signatures := text.Metadata.Signatures
	if len(signatures) == 0 && text.Metadata.Signature != nil {
		signatures = []rawSignature{*text.Metadata.Signature}
	}
	for _, s := range signatures {
		raw, err := base64.RawURLEncoding.DecodeString(string(bytes.TrimRight([]byte(s.Signature), "=")))
		if err == nil && len(raw) == 96 && (s.Mode == "" || s.Mode == "p384ecdsa") {
			c.Signatures = append(c.Signatures, ChangesetSignature{R: raw[:48], S: raw[48:], X5U: s.X5U})
		}
	}
	if len(c.Signatures) == 0 {
		return malformed("no signature of ECDSA P-384")
	}
	return c, nil
}

type rawSignature struct{ Signature, X5U, Mode string }

// sortedRecords leaves out what was deleted and sorts the rest by ID, which
// must be distinct.
func sortedRecords(all []map[string]any) ([]any, error) {
	kept := slices.DeleteFunc(slices.Clone(all), func(r map[string]any) bool { return r["deleted"] == true })
	id := func(r map[string]any) string { s, _ := r["id"].(string); return s }
	slices.SortStableFunc(kept, func(a, b map[string]any) int { return cmp.Compare(id(a), id(b)) })
	records := []any{}
	for i, r := range kept {
		if id(r) == "" || i > 0 && id(kept[i-1]) == id(r) {
			return nil, fmt.Errorf("record %d has no ID of its own", i)
		}
		records = append(records, r)
	}
	return records, nil
}

// canonical appends v as Kinto's canonical JSON: object keys in order, no white
// space, ASCII alone, numbers as JavaScript prints them.
func canonical(to []byte, v any) []byte {
	switch v := v.(type) {
	case map[string]any:
		keys := make([]string, 0, len(v))
		for k := range v {
			keys = append(keys, k)
		}
		slices.SortFunc(keys, func(a, b string) int {
			return slices.Compare(utf16.Encode([]rune(a)), utf16.Encode([]rune(b)))
		})
		to = append(to, '{')
		for i, k := range keys {
			if i > 0 {
				to = append(to, ',')
			}
			to = canonical(append(canonicalString(to, k), ':'), v[k])
		}
		return append(to, '}')
	case []any:
		to = append(to, '[')
		for i, e := range v {
			if i > 0 {
				to = append(to, ',')
			}
			to = canonical(to, e)
		}
		return append(to, ']')
	case string:
		return canonicalString(to, v)
	case bool:
		return strconv.AppendBool(to, v)
	case float64:
		if v == 0 {
			return append(to, '0') // of -0 too
		}
		n, _ := json.Marshal(v) // ECMAScript's form; JSON has no number that fails
		return append(to, n...)
	}
	return append(to, "null"...)
}

// canonicalString appends s with JSON's short escapes, \u and lower-case
// hexadecimal digits for the other control characters and all beyond ASCII.
func canonicalString(to []byte, s string) []byte {
	to = append(to, '"')
	for _, u := range utf16.Encode([]rune(s)) {
		switch {
		case u == '"' || u == '\\':
			to = append(to, '\\', byte(u))
		case u == '\b':
			to = append(to, `\b`...)
		case u == '\t':
			to = append(to, `\t`...)
		case u == '\n':
			to = append(to, `\n`...)
		case u == '\f':
			to = append(to, `\f`...)
		case u == '\r':
			to = append(to, `\r`...)
		case u < 0x20 || u > 0x7f:
			to = append(to, `\u`...)
			to = hex.AppendEncode(to, []byte{byte(u >> 8), byte(u)})
		default:
			to = append(to, byte(u))
		}
	}
	return append(to, '"')
}

// FilterRecord is what a publisher says of one filter file.
type FilterRecord struct {
	ID          string    // of the record in the collection
	Parent      string    // the ID of the filter that a delta continues, "" for a full one
	Incremental bool      // a delta: only what was revoked since its parent
	Channel     string    // "default" (all reasons), "compat" and others
	Made        time.Time // when the revocations were gathered
	Name        string    // for people, "20261128-0-default.filter"
	SHA256      [32]byte  // of the file
	Size        int64     // of the file, in bytes
	Location    string    // below the server's address for attachments
}

// FilterRecords reads the records of the collection "cert-revocations", from
// Changeset.Records or from the unsigned listing {"data":[…]}. Records without
// an attachment are left out; a record that cannot be read is an error.
func FilterRecords(b []byte) ([]FilterRecord, error) {
	if len(b) > maxChangeset {
		return nil, fmt.Errorf("%w: listing of %d bytes", ErrMalformed, len(b))
	}
	if err := jsonbound.Check(b, maxChangesetValues); err != nil {
		return nil, fmt.Errorf("%w: listing: %v", ErrMalformed, err)
	}
	var text struct {
		Data *[]struct {
			ID, Parent, Channel string
			Incremental         bool
			EffectiveTimestamp  int64
			Details             struct{ Name string }
			Attachment          *struct {
				Hash, Filename, Location string
				Size                     int64
			}
		}
	}
	if err := json.Unmarshal(b, &text); err != nil {
		return nil, fmt.Errorf("%w: listing: %v", ErrMalformed, err)
	}
	if text.Data == nil {
		return nil, fmt.Errorf(`%w: listing: no "data"`, ErrMalformed)
	}
	var records []FilterRecord
	seen := map[string]bool{}
	for i, d := range *text.Data {
		if d.Attachment == nil {
			continue
		}
		r := FilterRecord{ID: d.ID, Parent: d.Parent, Incremental: d.Incremental, Channel: cmp.Or(d.Channel, "default"), Made: time.UnixMilli(d.EffectiveTimestamp).UTC(),
			Name: cmp.Or(d.Details.Name, d.Attachment.Filename), Size: d.Attachment.Size, Location: d.Attachment.Location}
		hash, err := hex.DecodeString(d.Attachment.Hash)
		if err != nil || len(hash) != 32 || r.ID == "" || r.Location == "" || r.Size <= 0 || d.EffectiveTimestamp <= 0 {
			return nil, fmt.Errorf("%w: record %d of the listing (%.64q) cannot be read", ErrMalformed, i, d.ID)
		}
		if seen[r.ID] {
			return nil, fmt.Errorf("%w: two records of the listing have the ID %.64q", ErrMalformed, r.ID)
		}
		seen[r.ID] = true
		r.SHA256 = [32]byte(hash)
		records = append(records, r)
	}
	return records, nil
}

// Chain returns the filters of one channel that belong together: the newest
// full one and every delta after it, in order, each the only child of the one
// before. Anything else is an error, for a missing delta hides revocations.
func Chain(all []FilterRecord, channel string) ([]FilterRecord, error) {
	var full *FilterRecord
	children := map[string][]FilterRecord{}
	deltas := 0
	for i, r := range all {
		switch {
		case r.Channel != channel:
		case !r.Incremental:
			if full == nil || full.Made.Before(r.Made) {
				full = &all[i]
			}
		default:
			children[r.Parent] = append(children[r.Parent], r)
			deltas++
		}
	}
	if full == nil {
		return nil, fmt.Errorf("%w: the channel %.64q has no full filter", ErrIncomplete, channel)
	}
	chain := []FilterRecord{*full}
	for {
		next := children[chain[len(chain)-1].ID]
		switch {
		case len(next) > 1:
			return nil, fmt.Errorf("%w: %d deltas continue the filter %.64q", ErrIncomplete, len(next), chain[len(chain)-1].Name)
		case len(next) == 1 && len(chain) <= deltas:
			chain = append(chain, next[0])
			continue
		}
		// Deltas of an older full filter may still be listed; those made after
		// this chain's end belong to it, and their parents are missing.
		tip := chain[len(chain)-1]
		for _, r := range all {
			if r.Channel == channel && r.Incremental && r.Made.After(tip.Made) {
				return nil, fmt.Errorf("%w: the delta %.64q continues a filter that is not listed", ErrIncomplete, r.Name)
			}
		}
		return chain, nil
	}
}

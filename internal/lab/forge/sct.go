package forge

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"time"
)

// SCT describes a signed certificate timestamp (RFC 6962, 3.2).
type SCT struct {
	Version    byte   // 0 is v1
	LogID      []byte // nil: SHA-256 of the log's SPKI
	Time       time.Time
	Extensions []byte // contents, without the length
	HashAlg    byte   // 0 means 4, SHA-256
	SigAlg     byte   // 0 means by the key: 3 ECDSA, 1 RSA
	MutateSig  func([]byte) []byte
	MutateRaw  func([]byte) []byte
	// Entry, if not nil, gets the MerkleTreeLeaf (RFC 6962, 3.4) that belongs to
	// the SCT: a log that keeps its promise puts it into its tree.
	Entry func(leaf []byte)
}

// LogID is the identifier of the log with key k.
func LogID(k *Key) []byte {
	h := sha256.Sum256(k.SPKI)
	return h[:]
}

func u16(n int) []byte { return []byte{byte(n >> 8), byte(n)} }
func u24(n int) []byte { return []byte{byte(n >> 16), byte(n >> 8), byte(n)} }
func u64(n uint64) []byte {
	return []byte{byte(n >> 56), byte(n >> 48), byte(n >> 40), byte(n >> 32), byte(n >> 24), byte(n >> 16), byte(n >> 8), byte(n)}
}

// SignX509 makes an SCT over a final certificate, for the TLS extension and
// for OCSP responses.
func (s SCT) SignX509(log *Key, cert []byte) []byte {
	return s.sign(log, 0, append(u24(len(cert)), cert...))
}

// SignPrecert makes an SCT over a precertificate's TBS: tbs is what the final
// certificate's TBS is without the SCT list and poison extensions, issuer the
// key that signs the final certificate.
func (s SCT) SignPrecert(log, issuer *Key, tbs []byte) []byte {
	h := sha256.Sum256(issuer.SPKI)
	return s.sign(log, 1, append(append(h[:], u24(len(tbs))...), tbs...))
}

func (s SCT) sign(log *Key, entryType int, entry []byte) []byte {
	if s.Time.IsZero() {
		s.Time = time.Now().Add(-time.Minute)
	}
	if s.LogID == nil {
		s.LogID = LogID(log)
	}
	if s.HashAlg == 0 {
		s.HashAlg = 4
	}
	if s.SigAlg == 0 {
		s.SigAlg = 3
		if log.DefaultAlg().ID != nil && string(log.DefaultAlg().ID) == string(SHA256WithRSA.ID) {
			s.SigAlg = 1
		}
	}
	ms := u64(uint64(s.Time.UnixMilli()))
	ext := append(u16(len(s.Extensions)), s.Extensions...)
	signed := append([]byte{s.Version, 0}, ms...)
	signed = append(append(append(signed, u16(entryType)...), entry...), ext...)
	if s.Entry != nil {
		s.Entry(signed) // the same octets: both types are 0
	}
	alg := ECDSAWithSHA256
	if s.SigAlg == 1 {
		alg = SHA256WithRSA
	}
	sig := log.Sign(alg, signed)
	if s.MutateSig != nil {
		sig = s.MutateSig(sig)
	}
	raw := append([]byte{s.Version}, s.LogID...)
	raw = append(append(raw, ms...), ext...)
	raw = append(append(append(raw, s.HashAlg, s.SigAlg), u16(len(sig))...), sig...)
	if s.MutateRaw != nil {
		raw = s.MutateRaw(raw)
	}
	return raw
}

// SCTList encodes a SignedCertificateTimestampList, outer length included.
func SCTList(scts ...[]byte) []byte {
	var body []byte
	for _, s := range scts {
		body = append(append(body, u16(len(s))...), s...)
	}
	return append(u16(len(body)), body...)
}

// WithSCTs issues c with an embedded SCT list: make gets the TBS of the
// precertificate (without poison), as logs sign it, and returns the SCTs. The
// list stands last among the extensions.
func (ca *CA) WithSCTs(c Cert, make func(tbs []byte) [][]byte) *CA {
	if c.Issuer == nil {
		c.Issuer = ca.Name
	}
	if c.Key == nil {
		c.Key = P256()
	}
	if c.Serial == nil {
		c.Serial = RandomSerial()
	}
	if c.NotBefore.IsZero() {
		c.NotBefore = time.Now().Add(-time.Hour)
	}
	a := c.Alg
	if a.ID == nil {
		a = ca.Key.DefaultAlg()
	}
	list := SCTList(make(c.TBS(a))...)
	c.Extensions = append(c.Extensions[:len(c.Extensions):len(c.Extensions)], SCTs(list))
	return ca.Issue(c)
}

// Log is one entry of a log list in the public v3 format.
type Log struct {
	Key          *Key
	Description  string
	URL          string
	Operator     string
	State        string    // "usable" when empty; "none" leaves it out
	StateSince   time.Time // a year ago when zero
	MoreStates   map[string]time.Time
	MMD          int       // seconds; 86400 when zero
	From, Until  time.Time // temporal interval; left out when zero
	PreviousOps  map[string]time.Time
	Tiled        bool
	LogID        []byte // instead of the key's hash
	MonitoringAt string
}

// LogList encodes a log list, v3, with that timestamp.
func LogList(timestamp time.Time, logs ...Log) []byte {
	type object = map[string]any
	stamp := func(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05Z") }
	var names []string
	ops := map[string]object{}
	for _, l := range logs {
		if ops[l.Operator] == nil {
			names = append(names, l.Operator)
			ops[l.Operator] = object{"name": l.Operator, "email": []string{"log@example.test"}, "logs": []object{}, "tiled_logs": []object{}}
		}
		if l.StateSince.IsZero() {
			l.StateSince = timestamp.AddDate(-1, 0, 0)
		}
		if l.MMD == 0 {
			l.MMD = 86400
		}
		if l.LogID == nil {
			l.LogID = LogID(l.Key)
		}
		o := object{"description": l.Description, "log_id": base64.StdEncoding.EncodeToString(l.LogID), "key": base64.StdEncoding.EncodeToString(l.Key.SPKI), "mmd": l.MMD}
		switch l.State {
		case "none":
		case "":
			o["state"] = object{"usable": object{"timestamp": stamp(l.StateSince)}}
		default:
			o["state"] = object{l.State: object{"timestamp": stamp(l.StateSince)}}
		}
		for name, since := range l.MoreStates {
			o["state"].(object)[name] = object{"timestamp": stamp(since)}
		}
		if !l.From.IsZero() {
			o["temporal_interval"] = object{"start_inclusive": stamp(l.From), "end_exclusive": stamp(l.Until)}
		}
		var prev []object
		for name, end := range l.PreviousOps {
			prev = append(prev, object{"name": name, "end_time": stamp(end)})
		}
		if prev != nil {
			o["previous_operators"] = prev
		}
		if l.Tiled {
			o["submission_url"], o["monitoring_url"] = l.URL, l.MonitoringAt
			ops[l.Operator]["tiled_logs"] = append(ops[l.Operator]["tiled_logs"].([]object), o)
		} else {
			o["url"] = l.URL
			ops[l.Operator]["logs"] = append(ops[l.Operator]["logs"].([]object), o)
		}
	}
	list := []object{}
	for _, n := range names {
		list = append(list, ops[n])
	}
	b, err := json.MarshalIndent(object{"version": "1.0", "log_list_timestamp": stamp(timestamp), "operators": list}, "", "  ")
	if err != nil {
		panic("forge: " + err.Error())
	}
	return b
}

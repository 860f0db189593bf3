package ct

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/assaytls/assay/cert"
	"github.com/assaytls/assay/internal/jsonbound"
)

// State is what a log list says about a log.
type State string

// The states of the v3 schema, and "" for logs that never had one.
const (
	Pending   State = "pending"
	Qualified State = "qualified"
	Usable    State = "usable"
	ReadOnly  State = "readonly"
	Retired   State = "retired"
	Rejected  State = "rejected"
)

// stateOrder decides between states of the same moment: the later one of a
// log's life.
var stateOrder = []State{"", Pending, Qualified, Usable, ReadOnly, Retired, Rejected}

// Log is one log of a list. Times are in UTC. URLs end in a slash.
type Log struct {
	ID          [32]byte           // SHA-256 of the key's SubjectPublicKeyInfo
	Key         *cert.PublicKey    // what its SCTs are verified with
	Description string             // the list's text
	Operator    string             // who runs it now
	Previous    []PreviousOperator // earliest end first
	States      []DatedState       // what the list says of it, the earliest first; see StateAt
	Start, End  time.Time          // accepts notAfter in [Start, End); zero when unlimited
	MMD         time.Duration      // maximum merge delay; zero when not given
	Tiled       bool               // static-ct-api; else RFC 6962
	Submission  string             // submission prefix; for RFC 6962 logs the only URL
	Monitoring  string             // monitoring prefix, static-ct-api only
	Test        bool               // the list calls it a test log
}

// DatedState is a state and when it began or will begin.
type DatedState struct {
	State State     // in the list's word, which may be none of the schema's
	Since time.Time // zero when not given: always
}

// StateAt returns the log's state at t and since when. A list tells the newest
// change, which may lie ahead, and rarely those before: before it is retired or
// read-only a log is usable, and before anything else it is not admitted (""),
// with no time given. A state that the schema does not have is returned as it is.
func (l *Log) StateAt(t time.Time) (State, time.Time) {
	for i := len(l.States) - 1; i >= 0; i-- {
		if s := l.States[i]; !s.Since.After(t) {
			return s.State, s.Since
		}
	}
	if len(l.States) > 0 && (l.States[0].State == ReadOnly || l.States[0].State == Retired) {
		return Usable, time.Time{}
	}
	return "", time.Time{}
}

// PreviousOperator ran a log until End.
type PreviousOperator struct {
	Name string    // the operator's
	End  time.Time // until when it ran the log
}

// OperatorAt returns who ran the log at t.
func (l *Log) OperatorAt(t time.Time) string {
	for _, p := range l.Previous {
		if t.Before(p.End) {
			return p.Name
		}
	}
	return l.Operator
}

// Covers reports whether the log accepts certificates that end at notAfter.
func (l *Log) Covers(notAfter time.Time) bool {
	return (l.Start.IsZero() || !notAfter.Before(l.Start)) && (l.End.IsZero() || notAfter.Before(l.End))
}

// LogList is a parsed log list. It is immutable and safe for concurrent use.
type LogList struct {
	hash      [32]byte
	version   string
	timestamp time.Time
	logs      map[[32]byte]*Log
	order     []*Log
	refused   []RefusedLog
	stateless bool
}

// Hash returns the SHA-256 of the list's bytes.
func (l *LogList) Hash() [32]byte { return l.hash }

// Version returns the list's version, "" when it has none.
func (l *LogList) Version() string { return l.version }

// Timestamp returns when the list was made, in UTC, zero when it does not say.
func (l *LogList) Timestamp() time.Time { return l.timestamp }

// Len returns the number of logs.
func (l *LogList) Len() int { return len(l.order) }

// Logs returns the logs in the list's order.
func (l *LogList) Logs() []*Log { return slices.Clone(l.order) }

// Lookup returns the log with the ID, nil when the list has none.
func (l *LogList) Lookup(id [32]byte) *Log { return l.logs[id] }

// RefusedLog is an entry of a list that is not used.
type RefusedLog struct {
	Description, Reason string // the list's text, not to be printed unquoted
}

// Refused returns the logs that were left out: their SCTs are of unknown logs.
func (l *LogList) Refused() []RefusedLog { return slices.Clone(l.refused) }

// Age returns how old the list is at t; ok is false when it has no date. A
// list younger than t has age 0.
func (l *LogList) Age(t time.Time) (age time.Duration, ok bool) {
	if l.timestamp.IsZero() {
		return 0, false
	}
	return max(0, t.Sub(l.timestamp)), true
}

// FromFuture reports whether the list says that it was made after now, by more than a
// clock may be wrong. Its age cannot be told then.
func (l *LogList) FromFuture(now time.Time) bool { return l.timestamp.After(now.Add(maxAhead)) }

// maxAhead is how far a list's date may lie ahead.
const maxAhead = time.Hour

// String names the list: "version 89.25 of 2026-08-20".
func (l *LogList) String() string {
	s := "without version"
	if l.version != "" {
		s = "version " + l.version
	}
	if l.timestamp.IsZero() {
		return s + ", undated"
	}
	return s + " of " + l.timestamp.Format(time.DateOnly)
}

// Describe names the list and tells its age at t: "version 89.25 of
// 2026-08-20, 12 days old".
func (l *LogList) Describe(t time.Time) string {
	age, ok := l.Age(t)
	switch days := int(age / day); {
	case !ok:
		return l.String()
	case l.FromFuture(t):
		return l.String() + ", made after the time of the check"
	case days == 0:
		return l.String() + ", less than a day old"
	case days == 1:
		return l.String() + ", 1 day old"
	default:
		return l.String() + fmt.Sprintf(", %d days old", days)
	}
}

// MaxListSize bounds the log lists that ParseLogList reads, in octets.
const MaxListSize = 16 << 20

// maxLogs bounds the logs of a list; all that ever were are a few hundred.
const maxLogs = 10000

// maxListValues bounds the JSON values of a list before it is decoded: three octets
// can become a log of hundreds. Published lists have some twenty for each log, and
// at most six thousand.
const maxListValues = 100000

// mimics are log IDs whose private keys are published so that list consumers
// can test themselves; from log_mimics_list.json, 2026-01.
var mimics = map[string]bool{
	"9EGV1vAOLbVUNcrdV3iS5T4VrUFwWPh44U/2uRh0FYk=": true, // Mimic 1
	"si9+3rWvav5QPeBAgbLXTBJThJL+3yyypSZQPO9TztI=": true, // Mimic 2
}

// The v3 schema, as far as it matters here. Fields that are not named are
// ignored, and every field but the keys may be absent.
type listJSON struct {
	Version   json.RawMessage `json:"version"`
	Timestamp string          `json:"log_list_timestamp"`
	Operators []operatorJSON  `json:"operators"`
	Logs      json.RawMessage `json:"logs"` // version 1 has them beside the operators
}

// olderVersion names the format of a list of which the logs do not stand under
// their operators, "" when there is no such list.
func (l *listJSON) olderVersion() string {
	if l.Logs == nil || slices.ContainsFunc(l.Operators, func(o operatorJSON) bool { return o.Logs != nil || o.Tiled != nil }) {
		return ""
	}
	return "1"
}

// jsonProblem says in words why a text was not decoded.
func jsonProblem(err error) string {
	var syntax *json.SyntaxError
	var kind *json.UnmarshalTypeError
	switch {
	case errors.As(err, &syntax):
		return fmt.Sprintf("it is not JSON: %v (at byte %d)", err, syntax.Offset)
	case errors.As(err, &kind):
		where := "the whole"
		if kind.Field != "" {
			where = strconv.Quote(kind.Field)
		}
		value, _, _ := strings.Cut(kind.Value, " ") // "number 1e9" holds the peer's text
		return fmt.Sprintf("%s is of the wrong kind (%s) at byte %d", where, value, kind.Offset)
	}
	return err.Error()
}

type operatorJSON struct {
	Name  string    `json:"name"`
	Logs  []logJSON `json:"logs"`
	Tiled []logJSON `json:"tiled_logs"`
}

type logJSON struct {
	Description string `json:"description"`
	ID          []byte `json:"log_id"`
	Key         []byte `json:"key"`
	URL         string `json:"url"`
	Submission  string `json:"submission_url"`
	Monitoring  string `json:"monitoring_url"`
	MMD         int64  `json:"mmd"` // seconds
	Type        string `json:"log_type"`
	State       map[string]struct {
		Timestamp string `json:"timestamp"`
	} `json:"state"`
	Interval *struct {
		Start string `json:"start_inclusive"`
		End   string `json:"end_exclusive"`
	} `json:"temporal_interval"`
	Previous []struct {
		Name string `json:"name"`
		End  string `json:"end_time"`
	} `json:"previous_operators"`
}

// ParseLogList reads a log list in the public v3 JSON format, with logs and
// tiled_logs. Unknown fields are tolerated. A log whose ID is not the hash of
// its key, a time that cannot be read, or a key given twice makes the list an
// error, and so does a list without logs: every SCT would be of an unknown one. A
// byte-order mark is passed over. Logs with a published test key, or a key that RFC
// 6962 does not allow, are left out: see [LogList.Refused].
func ParseLogList(b []byte) (*LogList, error) {
	if len(b) > MaxListSize {
		return nil, fmt.Errorf("log list: %d bytes are more than the limit of %d", len(b), MaxListSize)
	}
	if err := jsonbound.Check(b, maxListValues); err != nil {
		return nil, fmt.Errorf("log list: %w", err)
	}
	var in listJSON
	err := json.Unmarshal(bytes.TrimPrefix(b, []byte("\ufeff")), &in)
	if v := in.olderVersion(); v != "" {
		return nil, fmt.Errorf("log list: it is in the format of version %s, and assay reads version 3", v)
	}
	if err != nil {
		return nil, fmt.Errorf("log list: %s", jsonProblem(err))
	}
	if in.Operators == nil {
		return nil, errors.New(`log list: no "operators"`)
	}
	l := &LogList{hash: sha256.Sum256(b), logs: make(map[[32]byte]*Log), stateless: true}
	if l.timestamp, err = parseTime(in.Timestamp); err != nil {
		return nil, fmt.Errorf("log list: log_list_timestamp: %w", err)
	}
	if l.version, err = parseVersion(in.Version); err != nil {
		return nil, err
	}
	for _, op := range in.Operators {
		for i := range op.Logs {
			if err := l.add(op.Name, &op.Logs[i], false); err != nil {
				return nil, err
			}
		}
		for i := range op.Tiled {
			if err := l.add(op.Name, &op.Tiled[i], true); err != nil {
				return nil, err
			}
		}
	}
	if len(l.order)+len(l.refused) == 0 {
		return nil, errors.New("log list: it names no log")
	}
	return l, nil
}

// parseVersion takes a string or, as in one publisher's list, a number.
func parseVersion(raw json.RawMessage) (string, error) {
	if len(raw) == 0 || string(raw) == "null" {
		return "", nil
	}
	var s string
	if json.Unmarshal(raw, &s) == nil {
		return s, nil
	}
	var n json.Number
	if err := json.Unmarshal(raw, &n); err != nil {
		return "", errors.New("log list: the version is neither text nor a number")
	}
	return n.String(), nil
}

func parseTime(s string) (time.Time, error) {
	if s == "" {
		return time.Time{}, nil
	}
	t, err := time.Parse(time.RFC3339, s)
	if err != nil {
		return time.Time{}, fmt.Errorf("%.40q is not a time like 2026-01-31T12:00:00Z", s)
	}
	return t.UTC(), nil
}

func (l *LogList) add(operator string, j *logJSON, tiled bool) error {
	bad := func(format string, args ...any) error {
		return fmt.Errorf("log list: log %q: %s", j.Description, fmt.Sprintf(format, args...))
	}
	if len(l.order)+len(l.refused) >= maxLogs {
		return fmt.Errorf("log list: more than %d logs", maxLogs)
	}
	l.stateless = l.stateless && j.State == nil
	id := sha256.Sum256(j.Key)
	if len(j.ID) > 0 && string(j.ID) != string(id[:]) {
		return bad("log_id is not the SHA-256 of the key")
	}
	key, err := cert.ParsePublicKey(j.Key)
	reason := ""
	switch {
	case mimics[base64.StdEncoding.EncodeToString(id[:])]:
		reason = "its key is a published test key"
	case err != nil:
		reason = "its key is not a SubjectPublicKeyInfo"
	case !key.Supported() || key.Kind == cert.KeyRSA && key.Bits < minRSABits || key.Kind != cert.KeyRSA && key.Kind != cert.KeyECDSA:
		reason = fmt.Sprintf("its key (%s %d) is not one that RFC 6962 allows", key.Algorithm, key.Bits)
	}
	if reason != "" {
		l.refused = append(l.refused, RefusedLog{j.Description, reason})
		return nil
	}
	if l.logs[id] != nil {
		return bad("its key is in the list twice")
	}
	log := &Log{ID: id, Key: key, Description: j.Description, Operator: operator, Tiled: tiled,
		Test: j.Type == "test", Monitoring: slash(j.Monitoring), Submission: slash(j.Submission)}
	if log.Submission == "" {
		log.Submission = slash(j.URL)
	}
	if j.MMD < 0 || j.MMD > 1<<31 {
		return bad("mmd is out of range")
	}
	log.MMD = time.Duration(j.MMD) * time.Second
	if err := log.setStates(j); err != nil {
		return bad("%v", err)
	}
	if j.Interval != nil {
		if log.Start, err = parseTime(j.Interval.Start); err == nil {
			log.End, err = parseTime(j.Interval.End)
		}
		if err != nil {
			return bad("temporal_interval: %v", err)
		}
	}
	for _, p := range j.Previous {
		end, err := parseTime(p.End)
		if err != nil || end.IsZero() {
			return bad("previous_operators: no readable end_time for %q", p.Name)
		}
		log.Previous = append(log.Previous, PreviousOperator{p.Name, end})
	}
	slices.SortStableFunc(log.Previous, func(a, b PreviousOperator) int { return a.End.Compare(b.End) })
	l.logs[id] = log
	l.order = append(l.order, log)
	return nil
}

// minRSABits is the least for RSA logs (RFC 6962, 2.1.4).
const minRSABits = 2048

// setStates takes all states given, in the order of their times: publishers keep
// older ones beside the newest, and announce what is to come. Of those of one
// moment the later one of a log's life counts, and one that is not known most.
func (l *Log) setStates(j *logJSON) error {
	for name, v := range j.State {
		t, err := parseTime(v.Timestamp)
		if err != nil {
			return fmt.Errorf("state %s: %w", name, err)
		}
		l.States = append(l.States, DatedState{State(name), t})
	}
	slices.SortFunc(l.States, func(a, b DatedState) int {
		return cmp.Or(a.Since.Compare(b.Since), a.State.rank()-b.State.rank(), cmp.Compare(a.State, b.State))
	})
	return nil
}

// rank is the state's place in a log's life; what is not known comes last.
func (s State) rank() int {
	if i := slices.Index(stateOrder, s); i >= 0 {
		return i
	}
	return len(stateOrder)
}

// slash makes a log's URL a prefix.
func slash(u string) string {
	if u == "" || u[len(u)-1] == '/' {
		return u
	}
	return u + "/"
}

// AlgorithmIdentifiers of the signatures of RFC 6962 and of signed lists.
var (
	ecdsaSHA256 = mustAlgorithm("\x30\x0a\x06\x08\x2a\x86\x48\xce\x3d\x04\x03\x02")
	rsaSHA256   = mustAlgorithm("\x30\x0d\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0b\x05\x00")
)

// mustAlgorithm parses a constant; a test calls every one.
func mustAlgorithm(raw string) cert.Algorithm {
	a, err := cert.ParseAlgorithm([]byte(raw))
	if err != nil {
		panic(err)
	}
	return a
}

// VerifyListSignature checks the detached signature of a log list: SHA-256
// with RSA (PKCS #1 v1.5) or ECDSA over the list's bytes as published. key is a
// SubjectPublicKeyInfo, PEM or DER. nil means that the signature is right.
func VerifyListSignature(list, signature, key []byte) error {
	if block, _ := pem.Decode(key); block != nil {
		key = block.Bytes
	}
	k, err := cert.ParsePublicKey(key)
	if err != nil || !k.Supported() {
		return errors.New("log list signature: the key is not a usable SubjectPublicKeyInfo")
	}
	alg := ecdsaSHA256
	if k.Kind == cert.KeyRSA {
		alg = rsaSHA256
		if k.Bits < minRSABits {
			return cert.ErrKeyTooSmall
		}
	}
	if err := k.Verify(nil, alg, list, signature); err != nil {
		return fmt.Errorf("log list signature: %w", err)
	}
	return nil
}

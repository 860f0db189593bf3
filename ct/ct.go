package ct

import (
	"bytes"
	"cmp"
	"encoding/base64"
	"strconv"
	"time"

	"github.com/assaytls/assay/cert"
	"github.com/assaytls/assay/finding"
	"github.com/assaytls/assay/policy"
	"github.com/assaytls/assay/report"
)

// Input is what CheckSCTs judges.
type Input struct {
	// Path is the certificate and its issuers, anchor last. Embedded SCTs can
	// be verified only for certificates whose issuer is on the path.
	Path []*cert.Certificate

	// Embedded are the lists in Path's certificates, as ReadEmbedded returns
	// them; nil means that they are read here.
	Embedded []SCTList
	// Delivered are the lists that came beside the certificates, as ReadSCTList
	// returns them: in the handshake, and in OCSP responses that the caller found
	// valid. Those of source SCTFetched are shown and never count: only what the
	// server sent, the stapled response, is a delivery (RFC 6962, 3.3).
	Delivered []SCTList

	List   *LogList       // nil: SCTs are shown unverified
	Policy policy.CTMode  // what is asked of SCTs
	Depth  policy.CTDepth // whose count
	Time   time.Time      // the moment judged for
	Skew   time.Duration  // how far in the future time stamps may be; 0 as in browsers
	// Private says that the anchor is not a publicly trusted one: browsers do not
	// ask for SCTs then.
	Private bool
	Memo    *cert.Memo // nil remembers nothing
	Brief   bool       // only findings and whether the policy is met; no list, SCTs and explanations in Result.CT
}

// Result is what CheckSCTs concludes.
type Result struct {
	CT       report.CT           // what the report shows
	Findings []finding.Finding   // on the leaf; the same as Certs[0]
	Certs    [][]finding.Finding // parallel to Input.Path

	brief bool
	cut   bool      // the leaf has more SCTs than are looked at, or a list that cannot be read
	scts  []checked // parallel to CT.SCTs
}

// maxSCTs bounds the SCTs of one certificate that are looked at. What is beyond
// counts for nothing, and takes nothing from those before.
const maxSCTs = 64

// checked is one SCT with what verification made of it.
type checked struct {
	SCT
	cert     int
	source   report.SCTSource
	log      *Log
	state    State     // of the log at the moment judged for
	since    time.Time // when that began
	status   report.SCTStatus
	why      string // for SCTInvalid and SCTUnverified
	future   bool
	interval bool // the log does not cover the certificate's end
	repeated bool // seen before, in this or another list
	entry    []byte
}

// embedded reports whether the SCT came inside the certificate.
func (c *checked) embedded() bool { return c.source == report.SCTEmbedded }

// CheckSCTs verifies the SCTs of a certificate and of its issuers, and applies
// the policy. It never fails: what is wrong is a finding.
func CheckSCTs(in Input) Result {
	r := Result{brief: in.Brief, CT: report.CT{Policy: in.Policy}, Certs: make([][]finding.Finding, max(1, len(in.Path)))}
	if in.Policy == policy.CTOff || len(in.Path) == 0 {
		return r
	}
	if in.List != nil {
		if !r.brief {
			r.CT.List = in.List.Describe(in.Time)
		}
		if refused := in.List.refused; len(refused) > 0 {
			r.add(0, finding.New(finding.CTLogRefused, "count", strconv.Itoa(len(refused)), "log", refused[0].Description, "detail", refused[0].Reason))
		}
	}
	if in.Embedded == nil {
		in.Embedded = ReadEmbedded(in.Path)
	}
	for i, c := range in.Path {
		r.collect(&in, i, c)
	}
	for i := range r.scts {
		if !r.brief {
			r.CT.SCTs = append(r.CT.SCTs, r.scts[i].report())
		}
	}
	r.judge(&in)
	r.Findings = r.Certs[0]
	return r
}

// Valid calls yield for each SCT that a log of the list signed for the
// certificate at a position of the path, until it returns false.
func (r *Result) Valid(yield func(cert int, s SCT) bool) {
	for i := range r.scts {
		if c := &r.scts[i]; c.status == report.SCTValid && !yield(c.cert, c.SCT) {
			return
		}
	}
}

// Stamps returns when the leaf's SCTs were made, as root programs ask for it: verified
// are those with a good signature of a log that browsers know, unverified those that
// may be such, because there is no list, or it does not have their log or a state of
// it. What has a bad signature, and what the server did not send, is in neither.
// complete says that these are all that came.
func (r *Result) Stamps() (verified, unverified []time.Time, complete bool) {
	for i := range r.scts {
		switch c := &r.scts[i]; {
		case c.cert != 0:
		case c.status == report.SCTValid && c.listed():
			verified = append(verified, c.Time())
		case c.status == report.SCTValid && c.unsettled(), c.status == report.SCTUnknownLog, c.status == report.SCTUnverified:
			unverified = append(unverified, c.Time())
		}
	}
	return verified, unverified, !r.cut
}

// listed reports whether the log is or was one that browsers accept.
func (c *checked) listed() bool {
	return !c.log.Test && (c.state == Qualified || c.state == Usable || c.state == ReadOnly || c.state == Retired)
}

// unsettled reports whether it is not known what browsers make of the log.
func (c *checked) unsettled() bool {
	return !c.log.Test && !c.listed() && c.state != Pending && c.state != Rejected
}

func (r *Result) add(cert int, f finding.Finding) { r.Certs[cert] = append(r.Certs[cert], f) }

// collect verifies all SCTs of one certificate of the path.
func (r *Result) collect(in *Input, i int, c *cert.Certificate) {
	v := verifier{in: in, path: in.Path[i:], cert: c}
	first := len(r.scts)
	for _, fetched := range []bool{false, true} { // what was not delivered comes last
		for _, lists := range [][]SCTList{in.Embedded, in.Delivered} {
			for k := range lists {
				if l := &lists[k]; l.Cert == i && (l.Source == report.SCTFetched) == fetched {
					r.collectList(&v, l)
				}
			}
		}
	}
	if v.count > maxSCTs {
		r.cut = r.cut || i == 0
		r.add(i, finding.New(finding.CTBudget, "count", strconv.Itoa(v.count), "limit", strconv.Itoa(maxSCTs)))
	}
	for k := first; k < len(r.scts); k++ {
		r.sctFindings(in, &r.scts[k])
	}
}

// collectList verifies one list. A fault in it costs what could not be read,
// never the SCTs before it.
func (r *Result) collectList(v *verifier, l *SCTList) {
	bad := func(err error) {
		r.cut = r.cut || l.Cert == 0
		r.add(l.Cert, finding.New(finding.CTSCTListBad, "source", string(l.Source), "detail", err.Error()))
	}
	if l.err != nil {
		bad(l.err)
	}
	for i := range l.scts[:min(len(l.scts), max(0, maxSCTs-v.count))] {
		k := checked{SCT: l.scts[i].SCT, cert: l.Cert, source: l.Source}
		if err := l.scts[i].err; err != nil {
			bad(err)
			k.status, k.why = report.SCTInvalid, err.Error()
		} else {
			v.verify(&k, r.scts)
		}
		r.scts = append(r.scts, k)
	}
	v.count += l.count
}

// verifier verifies the SCTs of one certificate; the entries that logs sign
// are built once for all of them.
type verifier struct {
	in    *Input
	path  []*cert.Certificate
	cert  *cert.Certificate
	count int

	pre, x509       []byte
	preErr, x509Err error
	preTried        bool
}

// entry returns the signed entry for SCTs from source. A precertificate's SCTs
// are over the precertificate, wherever they come from.
func (v *verifier) entry(source report.SCTSource) ([]byte, error) {
	if source == report.SCTEmbedded || v.cert.IsPrecertificate {
		if !v.preTried {
			v.preTried = true
			v.pre, v.preErr = precertEntry(v.path)
		}
		return v.pre, v.preErr
	}
	if v.x509 == nil && v.x509Err == nil {
		v.x509, v.x509Err = x509Entry(v.cert.Raw)
	}
	return v.x509, v.x509Err
}

func (v *verifier) verify(k *checked, before []checked) {
	if k.source == report.SCTFetched {
		k.status, k.why = report.SCTNotDelivered, "the server did not send it"
		if v.in.List != nil {
			k.find(v.in)
		}
		return
	}
	if k.Version != 0 {
		k.status = report.SCTUnknownVersion
		return
	}
	if v.in.List == nil {
		k.status, k.why = report.SCTUnverified, "no log list"
		return
	}
	if k.find(v.in); k.log == nil {
		k.status = report.SCTUnknownLog
		return
	}
	for i := range before {
		if b := &before[i]; b.cert == k.cert && b.embedded() == k.embedded() && bytes.Equal(b.Raw, k.Raw) {
			k.repeated, k.status, k.why, k.future, k.interval, k.entry = true, b.status, b.why, b.future, b.interval, b.entry
			return
		}
	}
	k.interval = !k.log.Covers(v.cert.NotAfter)
	entry, err := v.entry(k.source)
	if err != nil {
		k.status, k.why = report.SCTUnverified, err.Error()
		return
	}
	k.entry = entry
	if err := verifySCT(v.in.Memo, k.log.Key, entry, &k.SCT); err != nil {
		k.status, k.why = report.SCTInvalid, err.Error()
		return
	}
	k.status = report.SCTValid
	if at := k.Time(); at.IsZero() || at.After(v.in.Time.Add(v.in.Skew)) {
		k.status, k.why, k.future = report.SCTInvalid, "its time stamp is in the future", true
	}
}

// find looks the log up, and its state at the moment judged for.
func (c *checked) find(in *Input) {
	if c.log = in.List.Lookup(c.LogID); c.log != nil {
		c.state, c.since = c.log.StateAt(in.Time)
	}
}

// verifySCT checks one signature over an entry made by x509Entry or
// precertEntry, whose time stamp it overwrites.
func verifySCT(memo *cert.Memo, key *cert.PublicKey, entry []byte, s *SCT) error {
	alg, err := signatureAlgorithm(key, s.HashAlg, s.SigAlg)
	if err != nil {
		return err
	}
	return key.Verify(memo, alg, signedData(entry, s), s.Signature)
}

// signatureAlgorithm maps a TLS 1.2 SignatureAndHashAlgorithm. RFC 6962, 2.1.4
// allows SHA-256 with ECDSA or RSA, as the log's key is.
func signatureAlgorithm(key *cert.PublicKey, hash, sig uint8) (cert.Algorithm, error) {
	switch {
	case hash == 4 && sig == 3 && key.Kind == cert.KeyECDSA:
		return ecdsaSHA256, nil
	case hash == 4 && sig == 1 && key.Kind == cert.KeyRSA:
		return rsaSHA256, nil
	case hash != 4 || sig != 1 && sig != 3:
		return cert.Algorithm{}, cert.ErrUnsupported
	}
	return cert.Algorithm{}, cert.ErrKeyMismatch
}

// name is how findings and reports call the SCT's log.
func (c *checked) name() string {
	if c.log != nil && c.log.Description != "" {
		return c.log.Description
	}
	return base64.StdEncoding.EncodeToString(c.LogID[:])
}

func (c *checked) report() report.SCT {
	out := report.SCT{Cert: c.cert, Source: c.source, Status: c.status, Detail: c.why}
	if c.Version != 0 {
		out.Detail = "version " + strconv.Itoa(int(c.Version))
		return out
	}
	out.LogID = base64.StdEncoding.EncodeToString(c.LogID[:])
	out.Time = c.Time()
	if i, ok := c.LeafIndex(); ok {
		out.LeafIndex = &i
	}
	if c.log != nil {
		out.Log, out.Operator, out.State = c.log.Description, c.log.OperatorAt(c.Time()), string(c.state)
	}
	return out
}

// sctFindings says what is wrong with one SCT.
func (r *Result) sctFindings(in *Input, c *checked) {
	if c.repeated {
		r.add(c.cert, finding.New(finding.CTSCTDuplicate, "log", c.name(), "source", string(c.source)))
		return
	}
	switch {
	case c.status == report.SCTNotDelivered:
		r.add(c.cert, finding.New(finding.CTSCTNotDelivered, "log", c.name()))
	case c.status == report.SCTUnknownVersion:
		r.add(c.cert, finding.New(finding.CTSCTUnknownVersion, "source", string(c.source), "version", strconv.Itoa(int(c.Version))))
	case c.status == report.SCTUnknownLog:
		r.add(c.cert, finding.New(finding.CTSCTUnknownLog, "source", string(c.source), "log-id", base64.StdEncoding.EncodeToString(c.LogID[:])))
	case c.future:
		r.add(c.cert, finding.New(finding.CTSCTFromFuture, "log", c.name(), "source", string(c.source), "time", timeText(c.Time())))
	case c.status == report.SCTInvalid && c.log != nil:
		r.add(c.cert, finding.New(finding.CTSCTInvalid, "log", c.name(), "source", string(c.source), "detail", c.why))
	case c.status == report.SCTUnverified && c.log != nil:
		r.add(c.cert, finding.New(finding.CTSCTUnverified, "log", c.name(), "source", string(c.source), "detail", c.why))
	}
	if c.status != report.SCTValid {
		return
	}
	if c.interval {
		r.add(c.cert, finding.New(finding.CTSCTInterval, "log", c.name(), "source", string(c.source), "start", timeText(c.log.Start),
			"end", timeText(c.log.End), "not-after", timeText(in.Path[c.cert].NotAfter)))
	}
	if !in.List.accepts(c) {
		r.add(c.cert, finding.New(finding.CTSCTLogState, "log", c.name(), "source", string(c.source), "state", c.stateText(),
			"since", timeText(c.since), "time", timeText(c.Time())))
	}
}

// stateText tells the log's state in the list's word.
func (c *checked) stateText() string {
	switch {
	case c.log.Test:
		return "a test log"
	case c.state == "":
		return "not admitted"
	}
	return string(c.state)
}

// timeText tells a time; that a log or a list did not give is told in words.
func timeText(t time.Time) string { return cmp.Or(finding.Time(t), "an unknown time") }

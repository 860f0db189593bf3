package crl

import (
	"bytes"
	"context"
	"crypto"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"io"
	"runtime"
	"runtime/debug"
	"slices"

	"github.com/assaytls/assay/cert"
	"github.com/assaytls/assay/finding"
	"github.com/assaytls/assay/internal/der"
)

// Limits of a list. A list beyond one is refused with finding.CRLTooLarge.
const (
	MaxSize    = 1<<32 - 1 // octets of DER
	MaxEntries = 1 << 26
	maxHeader  = 128 << 10 // octets before the first entry
	maxTail    = 256 << 10 // octets after the last
	maxEntry   = 64 << 10  // octets of one entry
	maxBehind  = 64        // octets of white space behind the list
	maxExts    = 64        // extensions of the list
	maxPoints  = 64        // distribution points in one of them
	chunk      = 32 << 10  // octets hashed, then scanned, while they are in the processor's cache
	parallel   = 1 << 20   // octets of entries from which hashing has a processor of its own

	maxFindings = 64 // of one list
)

const whiteSpace = " \t\r\n"

// Error says why bytes are not a usable list.
type Error struct {
	ID     finding.ID // CRLNotAList, CRLMalformed, CRLTruncated, CRLTooLarge, CRLBudget or CRLUnreadable
	Offset int64      // octets from the start of the DER
	Reason string     // for people
}

// Error returns "reason at offset n".
func (e *Error) Error() string { return fmt.Sprintf("%s at offset %d", e.Reason, e.Offset) }

// Finding returns the finding that reports e.
func (e *Error) Finding() finding.Finding {
	return finding.New(e.ID, "detail", e.Reason, "offset", fmt.Sprint(e.Offset))
}

// Parse reads a list from b, DER or PEM. One pass computes the digest that the
// signature covers and checks the structure of every entry. The list keeps b
// when it is DER: b must not change, but may be a mapped file (see [List.Keep]).
// The error is always an *Error, finding.CRLBudget when ctx ended first. Breaches
// that leave the list readable are in its Findings.
func Parse(ctx context.Context, b []byte) (l *List, err error) {
	defer unguard(debug.SetPanicOnFault(true), &err)
	pem, isPEM := findPEM(b)
	if isPEM {
		if b, err = decodePEM(pem); err != nil {
			return nil, err
		}
	}
	l, err = parse(ctx, &input{buf: b, eof: true, whole: b}, nil)
	if err != nil && errors.Is(err, ctx.Err()) {
		return nil, &Error{finding.CRLBudget, 0, "the time was up: " + err.Error()}
	}
	if isPEM && err == nil {
		l.body = nil // there are no octets of the caller's to restore it from
	}
	return l, err
}

// unguard, deferred as unguard(debug.SetPanicOnFault(true), &err), turns the
// fault of reading a mapped file that was cut or overwritten into an error.
func unguard(was bool, err *error) {
	debug.SetPanicOnFault(was)
	r := recover()
	if r == nil {
		return
	}
	if _, ok := r.(runtime.Error); !ok {
		panic(r)
	}
	*err = &Error{finding.CRLUnreadable, 0, fmt.Sprintf("the file changed while it was read: %v", r)}
}

// parse is the one pass. With serials, the entries that list them are kept, and
// nothing else of the entries is.
func parse(ctx context.Context, in *input, w *watch) (*List, error) {
	p := &parser{in: in, list: &List{Version: 1, watch: w}, watch: w}
	if err := p.header(); err != nil {
		return nil, p.fail(err)
	}
	if err := p.entries(ctx); err != nil {
		return nil, p.fail(err)
	}
	if err := p.tail(); err != nil {
		return nil, p.fail(err)
	}
	var digest, id []byte
	if p.hash != nil {
		digest = p.hash.Sum(nil)
		id = digest
	}
	if p.extra != nil {
		id = p.extra.Sum(nil)
	}
	p.finish(digest, id)
	return p.list, nil
}

type parser struct {
	in     *input
	list   *List
	watch  *watch
	hash   hash.Hash // of tBSCertList by the signature's hash
	extra  hash.Hash // SHA-256 as well, when hash is too weak to name the list by
	total  int64     // where the DER ends
	tbs    int64     // where tBSCertList begins
	tbsEnd int64
	endRev int64 // where revokedCertificates ends
	inner  cert.Algorithm
	scan   entryScan
	hashed bool  // another goroutine hashes what is consumed
	ahead  int64 // octets that are hashed and not yet consumed

	spill     []byte // tBSCertList, when streaming one that has no digest
	spillOver bool
}

func (p *parser) fail(err error) error {
	var e *Error
	if errors.As(err, &e) {
		return e
	}
	var d *der.Error
	if errors.As(err, &d) {
		return &Error{finding.CRLMalformed, int64(d.Offset), d.Reason}
	}
	return err // the reader's or the context's
}

func malformed(off int64, format string, args ...any) *Error {
	return &Error{finding.CRLMalformed, off, fmt.Sprintf(format, args...)}
}

// header reads up to the first entry: what comes before is small.
func (p *parser) header() error {
	b, err := p.in.peek(maxHeader)
	if err != nil {
		return err
	}
	if len(b) == 0 {
		return &Error{finding.CRLNotAList, 0, "empty"}
	}
	outer, err := readHead(b, 0)
	if err != nil || outer.tag != der.Sequence {
		return &Error{finding.CRLNotAList, 0, "not DER and not PEM: it begins with " + sniff(b)}
	}
	p.total = outer.end()
	if p.total > MaxSize {
		return &Error{finding.CRLTooLarge, 0, fmt.Sprintf("it says it has %d bytes, the limit is %d", p.total, int64(MaxSize))}
	}
	if have := int64(len(p.in.buf)); p.in.eof && have < p.total {
		return &Error{finding.CRLTruncated, have, fmt.Sprintf("%d bytes of %d are there", have, p.total)}
	}
	tbs, err := readHead(b, outer.body)
	if err != nil {
		return err
	}
	if tbs.tag != der.Sequence {
		return &Error{finding.CRLNotAList, tbs.start, "the first element is no sequence"}
	}
	if p.tbsEnd = tbs.end(); p.tbsEnd > p.total {
		return malformed(tbs.start, "tBSCertList runs past its container")
	}
	p.tbs = tbs.start
	r := der.NewReader(b[tbs.body:min(int64(len(b)), p.tbsEnd)], int(tbs.body))
	if err := p.fields(r); err != nil {
		if p.tbsEnd > int64(len(b)) && len(b) == maxHeader {
			return &Error{finding.CRLTooLarge, tbs.body, fmt.Sprintf("what precedes the entries is larger than %d bytes or malformed: %v", maxHeader, err)}
		}
		return err
	}
	p.endRev = int64(r.Offset())
	if r.PeekTag() == der.Sequence {
		rev, err := readHead(b, p.endRev)
		if err != nil {
			return err
		}
		if p.endRev = rev.end(); p.endRev > p.tbsEnd {
			return malformed(rev.start, "revokedCertificates runs past its container")
		}
		if rev.len == 0 { // as Go's crypto/x509 writes it for a CA that has revoked nothing
			p.breach(finding.New(finding.CRLProfile, "detail", "revokedCertificates is present and empty", "offset", fmt.Sprint(rev.start)))
		}
		if p.in.whole != nil {
			p.list.entries = p.in.whole[rev.body:p.endRev:p.endRev]
			p.list.entriesAt = rev.body
		}
		p.in.advance(tbs.start)
		p.consume(rev.body - tbs.start)
		return nil
	}
	p.in.advance(tbs.start)
	p.consume(p.endRev - tbs.start)
	return nil
}

// fields reads version, signature, issuer, thisUpdate and nextUpdate.
func (p *parser) fields(r *der.Reader) error {
	l := p.list
	if r.PeekTag() == der.Explicit(0) {
		return &Error{finding.CRLNotAList, int64(r.Offset()), "it looks like a certificate"}
	}
	if v, ok, err := r.Optional(der.Integer); err != nil {
		return err
	} else if ok {
		n, fits := der.SmallInt(v.Body)
		if !fits || !der.IntegerMinimal(v.Body) || v.Flaws != 0 {
			return malformed(int64(v.Offset), "the version is not a small DER integer")
		}
		// RFC 5280, 5.1.2.1: when present it is v2 (1).
		if l.Version = n + 1; n != 1 {
			p.breach(finding.New(finding.CRLVersion, "version", fmt.Sprint(l.Version)))
		}
	}
	alg, err := p.strict(r, der.Sequence)
	if err != nil {
		return err
	}
	if p.inner, err = cert.ParseAlgorithm(bytes.Clone(alg.Raw)); err != nil {
		return malformed(int64(alg.Offset), "the signature algorithm is not readable")
	}
	p.startHash()
	issuer, err := p.strict(r, der.Sequence)
	if err != nil {
		return err
	}
	p.issuer(issuer)
	if l.ThisUpdate, err = p.time(r, "thisUpdate"); err != nil {
		return err
	}
	if t := r.PeekTag(); t == der.UTCTime || t == der.GeneralizedTime {
		if l.NextUpdate, err = p.time(r, "nextUpdate"); err != nil {
			return err
		}
	}
	return nil
}

// startHash picks the hash that the signature names. What cannot be verified
// by a digest still gets a SHA-256, to be identified by.
func (p *parser) startHash() {
	h := p.inner.Hash
	switch h {
	case crypto.SHA256, crypto.SHA384, crypto.SHA512:
		p.hash = h.New()
		return
	}
	p.extra = sha256.New()
	if h != 0 && h.Available() {
		p.hash = h.New()
	}
}

// consume hashes the next n octets and moves past them.
func (p *parser) consume(n int64) {
	if !p.hashed && p.ahead < n {
		p.write(p.in.buf[p.ahead:n])
	}
	p.ahead = max(0, p.ahead-n)
	p.in.advance(n)
}

// hashAhead hashes b, which comes next, before it is consumed.
func (p *parser) hashAhead(b []byte) {
	if n := int64(len(b)); !p.hashed && p.ahead < n {
		p.write(b[p.ahead:])
		p.ahead = n
	}
}

func (p *parser) write(b []byte) {
	if p.hash != nil {
		p.hash.Write(b)
	}
	if p.extra != nil {
		p.extra.Write(b)
	}
	if p.hash == nil && p.in.whole == nil {
		if len(p.spill)+len(b) > maxSpill {
			p.spillOver = true
		} else {
			p.spill = append(p.spill, b...)
		}
	}
}

// breach reports a finding; of several that say the same the first. Nobody need
// have signed the list: there are at most maxFindings, of which the worst is
// never lost.
func (p *parser) breach(f finding.Finding) {
	all := p.list.Findings
	if len(all) == maxFindings {
		if last := &all[maxFindings-1]; f.Severity > last.Severity {
			*last = f
		}
		return
	}
	for _, o := range all {
		if o.ID == f.ID && slices.Equal(o.Params, f.Params) {
			return
		}
	}
	p.list.Findings = append(all, f)
}

// full reports whether another finding that is no worse than an inconclusive one
// would be lost.
func (p *parser) full() bool {
	all := p.list.Findings
	return len(all) == maxFindings && all[maxFindings-1].Severity >= finding.Inconclusive
}

// strict reads one element that must have tag want and a DER length.
func (p *parser) strict(r *der.Reader, want der.Tag) (der.Element, error) {
	e, err := r.Expect(want)
	if err == nil && e.Flaws != 0 {
		err = malformed(int64(e.Offset), "the length is not DER")
	}
	return e, err
}

// entries scans revokedCertificates, and hashes it beside that if it is long
// and there is a processor to spare.
func (p *parser) entries(ctx context.Context) error {
	all := p.list.entries
	if len(all) < parallel || runtime.GOMAXPROCS(0) == 1 {
		return p.scanEntries(ctx)
	}
	p.hashed = true
	done := make(chan error, 1)
	go func() {
		var err error
		defer func() { done <- err }()
		defer unguard(debug.SetPanicOnFault(true), &err)
		for len(all) > 0 && ctx.Err() == nil {
			n := min(len(all), chunk)
			p.write(all[:n])
			all = all[n:]
		}
	}()
	err := p.scanEntries(ctx)
	herr := <-done
	p.hashed = false
	if err == nil {
		err = herr
	}
	return err
}

// scanEntries goes through revokedCertificates chunk by chunk.
func (p *parser) scanEntries(ctx context.Context) error {
	s := &p.scan
	s.v1 = p.list.Version == 1
	s.watch = p.watch
	for size := int64(chunk); p.in.off < p.endRev; {
		if err := ctx.Err(); err != nil {
			return err
		}
		left := p.endRev - p.in.off
		b, err := p.in.peek(min(size, left))
		if err != nil {
			return err
		}
		// Hashing hides how long memory takes to come, and scanning does not: what
		// is hashed first is scanned in the cache.
		p.hashAhead(b)
		n, err := s.run(b, p.in.off)
		if err != nil {
			return err
		}
		if n == 0 {
			switch {
			case int64(len(b)) == left:
				return malformed(p.in.off, "an entry runs past revokedCertificates")
			case int64(len(b)) < size:
				return &Error{finding.CRLTruncated, p.in.off + int64(len(b)), "the list ends within its entries"}
			case size > maxEntry+chunk:
				return &Error{finding.CRLTooLarge, p.in.off, fmt.Sprintf("an entry is larger than %d bytes", maxEntry)}
			}
			size *= 2
			continue
		}
		size = chunk
		if s.count > MaxEntries {
			return &Error{finding.CRLTooLarge, p.in.off, fmt.Sprintf("more than %d entries", MaxEntries)}
		}
		p.consume(int64(n))
	}
	p.list.count = s.count
	return nil
}

// tail reads crlExtensions, signatureAlgorithm and signatureValue.
func (p *parser) tail() error {
	l, off := p.list, p.in.off
	left := p.total - off
	if left > maxTail {
		return &Error{finding.CRLTooLarge, off, fmt.Sprintf("%d bytes follow the entries, the limit is %d", left, maxTail)}
	}
	b, err := p.in.peek(left + maxBehind + 1)
	if err != nil {
		return err
	}
	if int64(len(b)) < left {
		return &Error{finding.CRLTruncated, off + int64(len(b)), "the list ends before its signature"}
	}
	if behind := b[left:]; len(bytes.Trim(behind, whiteSpace)) > 0 || len(behind) > maxBehind {
		return malformed(p.total, "more data follows the list")
	} else if len(behind) > 0 {
		p.breach(finding.New(finding.CRLProfile, "detail", fmt.Sprintf("%d bytes of white space follow the list", len(behind)), "offset", fmt.Sprint(p.total)))
	}
	b = bytes.Clone(b[:left])
	r := der.NewReader(b[:p.tbsEnd-off], int(off))
	if e, ok, err := r.Optional(der.Explicit(0)); err != nil {
		return err
	} else if ok {
		if e.Flaws != 0 {
			return malformed(int64(e.Offset), "the length is not DER")
		}
		if l.Version == 1 {
			p.breach(finding.New(finding.CRLVersion, "version", "1 with extensions"))
		}
		if err := p.extensions(e); err != nil {
			return err
		}
	}
	if !r.Empty() {
		return malformed(int64(r.Offset()), "unexpected data in tBSCertList")
	}
	p.consume(p.tbsEnd - off)
	r = der.NewReader(b[p.tbsEnd-off:], int(p.tbsEnd))
	alg, err := p.strict(r, der.Sequence)
	if err != nil {
		return err
	}
	if l.Algorithm, err = cert.ParseAlgorithm(alg.Raw); err != nil {
		return malformed(int64(alg.Offset), "the signature algorithm is not readable")
	}
	sig, err := p.strict(r, der.BitString)
	if err != nil {
		return err
	}
	if len(sig.Body) == 0 || sig.Body[0] != 0 {
		return malformed(int64(sig.Offset), "the signature is not a whole number of bytes")
	}
	if !r.Empty() {
		return malformed(int64(r.Offset()), "unexpected data after the signature")
	}
	l.Signature = sig.Body[1:]
	return nil
}

// finish fills in what follows from the whole list, given the digest that the
// signature covers and one that names the list.
func (p *parser) finish(digest, id []byte) {
	l := p.list
	l.Size = p.total
	if !bytes.Equal(p.inner.Raw, l.Algorithm.Raw) {
		p.breach(finding.New(finding.CRLAlgorithmMismatch, "inner", p.inner.Name, "outer", l.Algorithm.Name))
	}
	l.digest = digest
	h := sha256.New()
	h.Write(id)
	h.Write(l.Algorithm.Raw)
	h.Write(l.Signature)
	h.Sum(l.SHA256[:0])
	p.scan.report(l)
	if p.in.whole != nil {
		l.tbs = p.in.whole[p.tbs:p.tbsEnd:p.tbsEnd]
		l.body = p.in.whole
	} else if p.hash == nil && !p.spillOver {
		l.tbs = p.spill
	}
}

// input is the bytes of a list: a window that slides over a reader, or the
// whole of it in memory.
type input struct {
	r     io.Reader
	buf   []byte // what has been read and not consumed
	off   int64  // of buf[0]
	eof   bool
	store []byte // the buffer that buf lies in
	start int    // where in store
	whole []byte // everything, when in memory
}

// peek returns the next n octets, fewer only at the end.
func (in *input) peek(n int64) ([]byte, error) {
	for int64(len(in.buf)) < n && !in.eof {
		if err := in.fill(int(n)); err != nil {
			return nil, err
		}
	}
	return in.buf[:min(n, int64(len(in.buf)))], nil
}

// fill reads more behind buf, moving it to the front of the store first if n
// octets would not fit where it is.
func (in *input) fill(n int) error {
	if in.start+n > len(in.store) {
		copy(in.store, in.buf)
		in.start = 0
	}
	end := in.start + len(in.buf)
	if end == len(in.store) {
		return &Error{finding.CRLTooLarge, in.off, "an element is larger than the buffer"}
	}
	m, err := in.r.Read(in.store[end:])
	in.buf = in.store[in.start : end+m]
	if err == io.EOF {
		in.eof, err = true, nil
	}
	return err
}

func (in *input) advance(n int64) {
	in.buf = in.buf[n:]
	in.start += int(n)
	in.off += n
}

// head is the identifier and length of an element, read in DER only.
type head struct {
	tag              der.Tag
	start, body, len int64
}

func (h head) end() int64 { return h.body + h.len }

// readHead reads the head of the element at b[off].
func readHead(b []byte, off int64) (head, error) {
	if off+2 > int64(len(b)) {
		return head{}, malformed(off, "the element ends before its length")
	}
	h := head{tag: der.Tag(b[off]), start: off, body: off + 2, len: int64(b[off+1])}
	if h.len < 0x80 {
		return h, nil
	}
	n := h.len & 0x7f
	if n == 0 || n > 5 || h.body+n > int64(len(b)) {
		return head{}, malformed(off, "the length is indefinite, too large or cut off")
	}
	h.len = 0
	for _, c := range b[h.body : h.body+n] {
		h.len = h.len<<8 | int64(c)
	}
	if b[h.body] == 0 || h.len < 0x80 {
		return head{}, malformed(off, "the length is not DER")
	}
	h.body += n
	return h, nil
}

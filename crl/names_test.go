package crl_test

import (
	"time"

	"github.com/assaytls/assay/crl"
	"github.com/assaytls/assay/finding"
	f "github.com/assaytls/assay/internal/lab/forge"
	"github.com/assaytls/assay/policy"
	"github.com/assaytls/assay/report"
)

// numberAndNameTests are cases of TestCheck about numbers of every size and
// names of every kind.
func numberAndNameTests() []checkTest {
	w := world()
	good, revoked, unknown := report.Good, report.Revoked, report.Unknown
	numbered := func(n int64, es ...f.Entry) f.CRL {
		return f.CRL{Extensions: exts(f.CRLNumber(n)), Entries: es}
	}
	delta := func(number, from int64, es ...f.Entry) f.CRL {
		return f.CRL{Extensions: exts(f.CRLNumber(number), f.DeltaIndicator(from)), Entries: es}
	}
	of := func(serial []byte) func() *f.CA {
		return func() *f.CA {
			return w.ca.Issue(f.Cert{Subject: f.CN("leaf"), Serial: serial, Extensions: exts(f.CRLDP(url))})
		}
	}
	long := make([]byte, 40)
	long[0], long[39] = 0x41, 7
	other := append(append([]byte{}, long[:39]...), 8)
	entry := func(serial []byte) func() [][]byte { return one(f.CRL{Entries: entries(noise, f.Revoke(serial, 1))}) }

	part := []f.Attr{{OID: "2.5.4.3", Value: "part 1"}}
	relative := func(issuers ...[]byte) []f.Ext { return exts(f.CRLDPs(f.DP{Relative: part, CRLIssuer: issuers})) }
	relativeList := by(w.lists, f.CRL{Extensions: exts(f.IDP{Relative: part, Indirect: true}.Ext())})
	u1, u2 := f.URI("http://crl.test/1"), f.URI("http://crl.test/2")
	byReasons := exts(f.CRLDPs(f.DP{FullName: [][]byte{u1}, Reasons: []int{1, 2, 3}}, f.DP{FullName: [][]byte{u2}, Reasons: []int{4, 5, 6, 7, 8}}))
	list := func(u []byte, reasons ...int) f.CRL {
		return f.CRL{Extensions: exts(f.IDP{FullName: [][]byte{u}, OnlySomeReasons: reasons}.Ext())}
	}
	odd := f.OtherName("1.2.3.4", f.UTF8("x"))
	named := func(g []byte) []f.Ext { return exts(f.CRLDPs(f.DP{FullName: [][]byte{g}})) }
	forName := func(g []byte) func() [][]byte {
		return one(f.CRL{Extensions: exts(f.IDP{FullName: [][]byte{g}}.Ext())})
	}
	return []checkTest{
		{name: "a long serial number", cert: of(long), lists: entry(long), want: revoked},
		{name: "a long serial number, another one", cert: of(long), lists: entry(other), want: good},
		{name: "a negative serial number", cert: of([]byte{0x80}), lists: entry([]byte{0x80}), want: revoked},
		{name: "a negative serial number, the positive one", cert: of([]byte{0x80}), lists: entry([]byte{0, 0x80}), want: good},
		{name: "a positive serial number, the negative one", cert: of([]byte{0, 0x80}), lists: entry([]byte{0x80}), want: good},
		{name: "serial number zero", cert: of([]byte{0}), lists: entry([]byte{0}), want: revoked},

		{name: "delta numbers grow by an octet", lists: by(nil, numbered(127, onHold), delta(128, 127, gone)), want: good},
		{name: "delta numbers grow by two octets", lists: by(nil, numbered(255, onHold), delta(70000, 200, gone)), want: good},
		{name: "delta from a later, longer base cannot release", lists: by(nil, numbered(200, onHold), delta(70000, 256, gone)), want: revoked},
		{name: "delta with a shorter number is older and cannot release", lists: by(nil, numbered(256, onHold), delta(255, 1, gone)), want: revoked},
		{name: "delta without numbers in the complete list cannot release", lists: by(nil, f.CRL{Entries: entries(onHold)}, delta(7, 5, gone)), want: revoked, ids: []finding.ID{finding.CRLDeltaMismatch}},
		{name: "numbers fall, the newer edition first", lists: by(nil, numbered(2), f.CRL{ThisUpdate: daysAgo(2), Extensions: exts(f.CRLNumber(900))}), want: good, ids: []finding.ID{finding.CRLNumberRegress}},
		{name: "numbers rise", lists: by(nil, f.CRL{ThisUpdate: daysAgo(2), Extensions: exts(f.CRLNumber(200))}, numbered(300)), want: good, none: true},

		{name: "a relative name below the point's own CRL issuer", exts: relative(aName(w.lists)), lists: relativeList, query: trust, want: good},
		{name: "a relative name below two CRL issuers", exts: relative(aName(w.lists), aName(w.other)), lists: relativeList, query: trust, want: unknown, ids: []finding.ID{finding.CRLOtherPartition}},
		{name: "two points for different reasons", exts: byReasons, lists: by(nil, list(u1), list(u2)), want: good, none: true},
		{name: "two points for different reasons, one list", exts: byReasons, lists: by(nil, list(u1)), want: unknown, ids: []finding.ID{finding.CRLReasonsIncomplete}},
		{name: "two points for different reasons, one list lacks one", exts: byReasons, lists: by(nil, list(u1), list(u2, 4, 5, 6, 7)), want: unknown, ids: []finding.ID{finding.CRLReasonsIncomplete}},
		{name: "two points for different reasons, three lists", exts: byReasons, lists: by(nil, list(u1), list(u2, 4, 5), list(u2, 6, 7, 8)), want: good, none: true},
		{name: "two points, listed by the second", exts: byReasons, lists: by(nil, list(u1), f.CRL{Extensions: list(u2).Extensions, Entries: entries(listed)}), want: revoked},
		{name: "a point with another name", exts: named(odd), lists: forName(odd), want: good},
		{name: "a point with another name of another value", exts: named(odd), lists: forName(f.OtherName("1.2.3.4", f.UTF8("y"))), want: unknown, ids: []finding.ID{finding.CRLOtherPartition}},
		{name: "a DNS name in another case", exts: named(f.DNS("CRL.test")), lists: forName(f.DNS("crl.test")), want: good},
		{name: "named by an alternative name of the issuer", exts: exts(f.IAN(f.DNS("ca.test"))), lists: forName(f.DNS("ca.test")), want: good},
		{name: "no nextUpdate, allowed", lists: one(f.CRL{NoNextUpdate: true}), query: func(q *crl.Query) { q.Stale = policy.StaleAllow }, want: good, ids: []finding.ID{finding.CRLNoNextUpdate}},
		{name: "nextUpdate does not prolong the maximum age", lists: one(f.CRL{ThisUpdate: daysAgo(1), NextUpdate: time.Now().Add(-time.Hour)}),
			query: func(q *crl.Query) { q.MaxAge = 9 * 24 * time.Hour }, want: unknown, ids: []finding.ID{finding.CRLStale}},
	}
}

package main

import (
	"os"
	"strings"
	"testing"

	"github.com/assaytls/assay/report"
)

// TestMain lets the test program be the server and the clients of a run.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && (os.Args[1] == "serve" || os.Args[1] == "child") {
		main()
		return
	}
	os.Exit(m.Run())
}

// A small run comes to the right verdicts, and its tables have a row for each
// contender and for each goal.
func TestSmallRun(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	o := options{hosts: 60, hosts384: 24, turns: 8, rounds: 1, flight: 10, parts: 6, entries: 20, revoked: 0.1, few: 4, many: 12, peers: t.TempDir()}
	r, err := o.measure(self)
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	if err := r.print(&b); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{nameFloor, nameNaive, nameOurs, nameCheck, "half P-384", "allocations a host", "waiting connection", "a scan over naive"} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("there is no %q in\n%s", want, b.String())
		}
	}
	for _, bad := range []string{"NaN", "Inf", "| 0.00 |"} {
		if strings.Contains(b.String(), bad) {
			t.Errorf("there is %q in\n%s", bad, b.String())
		}
	}
}

// A load with other verdicts than it was made for is no result.
func TestExpect(t *testing.T) {
	p := place{Size: size{Hosts: 10}, Revoked: 2}
	if err := p.expect(10, map[report.Verdict]int{report.Accept: 8, report.Reject: 2}); err != nil {
		t.Error(err)
	}
	for _, v := range []map[report.Verdict]int{{report.Accept: 10}, {report.Accept: 7, report.Reject: 2, report.Inconclusive: 1}, {}} {
		if p.expect(10, v) == nil {
			t.Errorf("%v is taken", v)
		}
	}
	for _, i := range []int{0, 1, 255, 256, 65536, 1 << 20} {
		if a := address(i); hostAt(a) != i || !a.IsLoopback() {
			t.Errorf("host %d is at %s", i, a)
		}
	}
}

package command

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// A scan has the verdicts of the lab, every target once, and a folder that says how
// it came about.
func TestScan(t *testing.T) {
	w := newWorld(t)
	var more []string
	want := map[string]string{}
	for _, s := range w.lab.Scenarios {
		more = append(more, line(s.Host, s.Addr))
		_, port, _ := net.SplitHostPort(s.Addr)
		want[net.JoinHostPort(s.Host, port)] = map[string]string{"good": "accept", "expired": "reject", "revoked": "reject"}[s.Name]
	}
	more = append(more, more[0], "no target", "# a comment", "10.0.0.0/7")
	dir := dirOf(t)
	status, out := call(t, w.flagged("scan", w.list(t, 200, more...), "-o", dir)...)
	if status != 1 {
		t.Errorf("status %d", status)
	}
	contains(t, out, "203 targets: 201 accepted, 2 rejected, 0 inconclusive, 0 skipped", "2 lines are no targets", "is not a host name", "more than 16777216 addresses")
	all := rows(t, dir)
	if len(all) != 203 {
		t.Errorf("%d rows", len(all))
	}
	for name, verdict := range want {
		if r, ok := all[name]; !ok || string(r.Verdict) != verdict {
			t.Errorf("%s: %s, want %s", name, r.Verdict, verdict)
		}
	}
	bad, err := os.ReadFile(filepath.Join(dir, "bad-lines.txt"))
	if err != nil || strings.Count(string(bad), "\n") != 2 {
		t.Errorf("bad-lines.txt: %v %q", err, bad)
	}
	if _, err := os.Stat(filepath.Join(dir, "queue")); err == nil {
		t.Error("the queue's store is left behind")
	}
	// What is done is done.
	began := time.Now()
	if status, out = call(t, "scan", "--resume", dir); status != 1 || time.Since(began) > 20*time.Second {
		t.Errorf("resumed: status %d, %s", status, out)
	}
	contains(t, out, "203 targets: 201 accepted, 2 rejected")
	if status, out = call(t, w.flagged("scan", w.list(t, 1), "-o", dir)...); status != 2 {
		t.Errorf("the same folder again: status %d", status)
	}
	contains(t, out, "has a job already", "assay scan --resume "+dir)
}

// An interrupted scan says how to go on, and goes on with what is left.
func TestInterrupt(t *testing.T) {
	w := newWorld(t)
	const n = 3000
	dir := dirOf(t)
	p := start(t, w.flagged("scan", w.list(t, n), "-o", dir, "--in-flight", "20")...)
	waitFor(t, func() bool { return journalled(dir) > 20000 })
	p.Process.Signal(syscall.SIGINT)
	if status := p.ended(t, 30*time.Second); status != 130 {
		t.Errorf("status %d", status)
	}
	contains(t, p.out.String(), "assay scan --resume "+dir)
	had := len(rows(t, dir))
	if had == 0 || had == n {
		t.Errorf("%d rows after the interrupt", had)
	}
	if status, out := call(t, "scan", "--rate", "3", "--resume", dir); status != 2 || !strings.Contains(out, "by the rules with which it began") {
		t.Errorf("another rate: status %d, %s", status, out)
	}
	if status, out := call(t, "scan", "--resume", dir); status != 0 {
		t.Errorf("resumed: status %d, %s", status, out)
	}
	accepted(t, rows(t, dir), n)
}

// A job goes on with the list that it began with, or says why it does not.
func TestChangedList(t *testing.T) {
	w := newWorld(t)
	dir, list := dirOf(t), w.list(t, 2000)
	p := start(t, w.flagged("scan", list, "-o", dir, "--in-flight", "5")...)
	waitFor(t, func() bool { return journalled(dir) > 0 })
	p.Process.Kill()
	p.ended(t, time.Minute)
	old, err := os.ReadFile(list)
	if err != nil {
		t.Fatal(err)
	}
	os.WriteFile(list, append(old, "another.test\n"...), 0o600)
	status, out := call(t, "scan", "--resume", dir)
	if status != 2 {
		t.Errorf("status %d", status)
	}
	contains(t, out, list, "the list has changed since the job began", "another list is another job")
	os.WriteFile(list, old, 0o600)
	if status, out = call(t, "scan", "--resume", dir); status != 0 {
		t.Errorf("the list as it was: status %d, %s", status, out)
	}
	accepted(t, rows(t, dir), 2000)
}

// The store of the queue is no copy of anything: it may vanish.
func TestWipedQueue(t *testing.T) {
	w := newWorld(t)
	const n = 4000
	for name, dead := range map[string]bool{"between two runs": true, "during a run": false} {
		dir := dirOf(t)
		p := start(t, w.flagged("scan", w.list(t, n), "-o", dir, "--in-flight", "20")...)
		waitFor(t, func() bool { return journalled(dir) > 20000 })
		if dead {
			p.Process.Kill()
			p.ended(t, time.Minute)
		}
		// A queue that is alive may write into a folder that is being emptied.
		waitFor(t, func() bool { return os.RemoveAll(filepath.Join(dir, "queue")) == nil })
		if dead {
			p = start(t, "scan", "--resume", dir)
		}
		if status := p.ended(t, 2*time.Minute); status != 0 {
			t.Errorf("%s: status %d, %s", name, status, p.out.String())
		}
		accepted(t, rows(t, dir), n)
	}
}

// journalled is how many octets of results are stored in a folder.
func journalled(dir string) (n int64) {
	filepath.Walk(filepath.Join(dir, "sink"), func(_ string, st os.FileInfo, err error) error {
		if err == nil && !st.IsDir() {
			n += st.Size()
		}
		return nil
	})
	return n
}

func waitFor(t testing.TB, f func() bool) {
	t.Helper()
	for end := time.Now().Add(time.Minute); !f(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("it did not come to that")
		}
	}
}

// Tenths of a list that never answer cost no more than their share: they wait
// without a place that others could have.
func TestTarpits(t *testing.T) {
	t.Parallel() // it waits for second attempts
	w := newWorld(t)
	var tar []string
	for i := range 100 {
		tar = append(tar, line(fmt.Sprintf("t%d.many.test", i), w.tarpit))
	}
	for i := range 100 {
		tar = append(tar, fmt.Sprintf("nowhere%d.invalid", i))
	}
	dir := dirOf(t)
	began := time.Now()
	status, out := call(t, w.flagged("scan", w.list(t, 1800, tar...), "-o", dir, "--in-flight", "100", "--handshake-timeout", "2s")...)
	if status != 3 {
		t.Errorf("status %d, %s", status, out)
	}
	contains(t, out, "2000 targets: 1800 accepted, 0 rejected, 200 inconclusive")
	all := rows(t, dir)
	for i := range 100 {
		_, port, _ := net.SplitHostPort(w.tarpit)
		if r := all[fmt.Sprintf("t%d.many.test:%s", i, port)]; r.Attempts != 2 || r.Headline != "handshake-timeout" {
			t.Errorf("a tarpit: %+v", r)
		}
		if r := all[fmt.Sprintf("nowhere%d.invalid:443", i)]; r.Headline != "dns-not-found" && r.Headline != "dns-failure" && r.Headline != "dns-timeout" {
			t.Errorf("a name that is in no DNS: %+v", r)
		}
	}
	// No target can be over before its second attempt: 2 s, 30 s, 2 s.
	t.Logf("%v, and the tarpits alone take 34s", time.Since(began).Round(100*time.Millisecond))
}

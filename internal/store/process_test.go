//go:build unix

package store

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestMain lets the test binary be the other process.
func TestMain(m *testing.M) {
	if role := os.Getenv("ASSAY_STORE_TEST"); role != "" {
		if err := other(role, os.Getenv("ASSAY_STORE_DIR")); err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// other is what another process does with the cache.
func other(role, dir string) error {
	if role == "full" {
		// A bound on the size of files stands for a full disk.
		if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &syscall.Rlimit{Cur: 50000, Max: 50000}); err != nil {
			return err
		}
	}
	s, err := Open(dir)
	if err != nil {
		return err
	}
	switch role {
	case "write": // for ever, small and large
		fmt.Println("ready")
		for i := 0; ; i++ {
			if err := s.Put(key(i%5), Entry{Body: body(i, 100+i%3*Large)}); err != nil {
				return err
			}
		}
	case "ascend":
		return ascend(s)
	case "race":
		for i := range 200 {
			n := i % 7
			if err := s.Put(key(n), Entry{Body: body(n, 5000+n)}); err != nil {
				return err
			}
			if e, ok := s.Get(key(n)); ok && !bytes.Equal(e.Body, body(n, 5000+n)) {
				return fmt.Errorf("%d: wrong body", n)
			}
			if i%50 == 49 {
				if _, err := s.Prune(20000, 0); err != nil {
					return err
				}
			}
		}
	case "full", "read-only":
		if e, ok := s.Get(key(1)); !ok || len(e.Body) != 100 {
			return fmt.Errorf("cannot read: %v", ok)
		}
		if err := s.Put(key(2), Entry{Body: body(2, 2*Large)}); err == nil {
			return fmt.Errorf("written")
		} else if !strings.Contains(err.Error(), dir) {
			return err
		}
		if _, ok := s.Get(key(2)); ok {
			return fmt.Errorf("found what was not written")
		}
		if e, ok := s.Get(key(1)); !ok || len(e.Body) != 100 {
			return fmt.Errorf("lost: %v", ok)
		}
	}
	return nil
}

// ascend puts ever later entries, each unless a later one stands there.
func ascend(s *Store) error {
	for i := range 150 {
		e := Entry{Body: body(i, 100), Fetched: time.Unix(int64(i+1), 0)}
		if _, err := s.Replace(key(1), e, func(have Entry) bool { return have.Fetched.Before(e.Fetched) }); err != nil {
			return err
		}
		have, ok := s.Get(key(1))
		if !ok || have.Fetched.Before(e.Fetched) || !bytes.Equal(have.Body, body(int(have.Fetched.Unix())-1, 100)) {
			return fmt.Errorf("entry %d: found %v of %v", i, ok, have.Fetched)
		}
	}
	return nil
}

// Of many who put entries at the same time, in two processes and in one, nobody
// puts an earlier one in the place of a later one.
func TestReplaceAscends(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "cache")
	s := open(t, dir)
	if done, err := s.Replace(key(2), Entry{Body: body(1, 10)}, func(Entry) bool { t.Error("nothing stands there"); return false }); !done || err != nil {
		t.Fatal(done, err)
	}
	if done, err := s.Replace(key(2), Entry{Body: body(2, 10)}, func(Entry) bool { return false }); done || err != nil {
		t.Fatal(done, err)
	}
	if e, ok := s.Get(key(2)); !ok || !bytes.Equal(e.Body, body(1, 10)) {
		t.Error("an entry was replaced against the will of who asked")
	}
	other := start(t, "ascend", dir)
	if err := other.Start(); err != nil {
		t.Fatal(err)
	}
	errs := make(chan error)
	for range 3 {
		s := open(t, dir)
		go func() { errs <- ascend(s) }()
	}
	for range 3 {
		if err := <-errs; err != nil {
			t.Error(err)
		}
	}
	if err := other.Wait(); err != nil {
		t.Error("the other process:", err)
	}
}

// What reading an entry mends or removes is the entry that was read, not one that
// another process has put there since.
func TestAmendsWhatWasRead(t *testing.T) {
	s := open(t, filepath.Join(t.TempDir(), "cache"))
	name := key(1).record().name(false)
	for i := range 2 {
		if err := s.Put(key(1), Entry{Body: body(i, 10)}); err != nil {
			t.Fatal(err)
		}
		read, ok := s.readRecord(name)
		if !ok {
			t.Fatal("no record")
		}
		called := false
		if i == 1 {
			if err := s.Put(key(1), Entry{Body: body(7, 10)}); err != nil {
				t.Fatal(err)
			}
		}
		if s.amend(name, read, func() error { called = true; return nil }); called != (i == 0) {
			t.Errorf("%d: called %v", i, called)
		}
	}
}

// A process that holds the lock and does not let go of it holds nobody up for
// long, and nothing is put meanwhile.
func TestLockHeld(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "cache")
	s, other := open(t, dir), open(t, dir)
	held, done := make(chan bool), make(chan bool)
	go other.locked(func() error { close(held); <-done; return nil })
	<-held
	start := time.Now()
	put, err := s.Replace(key(1), Entry{Body: body(1, 10)}, func(Entry) bool { return true })
	if put || err == nil || time.Since(start) > 3*lockPatience {
		t.Errorf("%v %v after %v", put, err, time.Since(start))
	}
	if _, ok := s.Get(key(1)); ok {
		t.Error("it was put")
	}
	close(done)
}

func start(t *testing.T, role, dir string) *exec.Cmd {
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), "ASSAY_STORE_TEST="+role, "ASSAY_STORE_DIR="+dir)
	cmd.Stderr = os.Stderr
	return cmd
}

func TestTwoProcesses(t *testing.T) {
	dir := t.TempDir()
	var out [3]bytes.Buffer
	var cmds []*exec.Cmd
	for i := range out {
		cmd := start(t, "race", dir)
		cmd.Stdout = &out[i]
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		cmds = append(cmds, cmd)
	}
	for i, cmd := range cmds {
		if err := cmd.Wait(); err != nil {
			t.Errorf("%v: %s", err, out[i].String())
		}
	}
	// One may write an entry while another evicts the body that it found there:
	// that is a miss. A damaged body is a problem of its own.
	_, problems, err := open(t, dir).Verify()
	problems = slices.DeleteFunc(problems, func(p Problem) bool { return p.Detail == "its body is missing or damaged" })
	if len(problems) > 0 || err != nil {
		t.Error(problems, err)
	}
}

// Killed at any moment, a writer leaves a usable cache.
func TestKilledWriter(t *testing.T) {
	dir := t.TempDir()
	for round := range 12 {
		cmd := start(t, "write", dir)
		pipe, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		pipe.Read(make([]byte, 10))
		time.Sleep(time.Duration(round*3) * time.Millisecond)
		cmd.Process.Kill()
		cmd.Wait()
		s := open(t, dir)
		for i := range 5 {
			if e, ok := s.Get(key(i)); ok && len(e.Body) > 8 {
				n, err := strconv.Atoi(string(bytes.Fields(e.Body)[1]))
				if err != nil || n%5 != i || !bytes.Equal(e.Body, body(n, 100+n%3*Large)) {
					t.Fatalf("round %d: key %d has a body of %d octets that was never put", round, i, len(e.Body))
				}
			}
		}
		if err := s.Put(key(6), Entry{Body: body(6, 100)}); err != nil {
			t.Fatal(err)
		}
		if _, ok := s.Get(key(6)); !ok {
			t.Fatal("not usable")
		}
	}
	if _, problems, err := open(t, dir).Verify(); len(problems) > 0 || err != nil {
		t.Error(problems, err)
	}
}

func TestFullDisk(t *testing.T) {
	dir := t.TempDir()
	if err := open(t, dir).Put(key(1), Entry{Body: body(1, 100)}); err != nil {
		t.Fatal(err)
	}
	if out, err := start(t, "full", dir).Output(); err != nil {
		t.Errorf("%v: %s", err, out)
	}
	if left, _ := filepath.Glob(filepath.Join(dir, bodiesDir, tmpPrefix+"*")); len(left) > 0 {
		t.Error("temporary files are left", left)
	}
}

func TestReadOnly(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "cache")
	if err := open(t, dir).Put(key(1), Entry{Body: body(1, 100)}); err != nil {
		t.Fatal(err)
	}
	cmd := start(t, "read-only", dir)
	if os.Geteuid() == 0 { // permissions bind everybody else
		const nobody = 65534
		for d := filepath.Dir(dir); d != "/"; d = filepath.Dir(d) {
			if info, err := os.Stat(d); err != nil || info.Mode().Perm()&1 == 0 {
				os.Chmod(d, 0o755)
			}
			if d == os.TempDir() {
				break
			}
		}
		filepath.Walk(dir, func(p string, _ os.FileInfo, _ error) error { return os.Chown(p, nobody, nobody) })
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
		exe := filepath.Join(filepath.Dir(dir), "other")
		b, err := os.ReadFile(os.Args[0])
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(exe, b, 0o755); err != nil {
			t.Fatal(err)
		}
		cmd.Path, cmd.Dir = exe, "/"
	}
	filepath.Walk(dir, func(p string, info os.FileInfo, _ error) error {
		if info.IsDir() {
			return os.Chmod(p, 0o500)
		}
		return os.Chmod(p, 0o400)
	})
	out, err := cmd.Output()
	filepath.Walk(dir, func(p string, info os.FileInfo, _ error) error { return os.Chmod(p, 0o700) })
	if err != nil {
		t.Errorf("%v: %s", err, out)
	}
}

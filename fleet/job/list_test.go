package job

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// list makes a list in a new folder and returns the folder, what became of the
// lines, and the lines.
func list(t testing.TB, text string, o ListOptions) (string, *Listed, []string) {
	t.Helper()
	dir := t.TempDir()
	made, err := CreateList(dir, []Input{{Name: "list", R: strings.NewReader(text)}}, o)
	if err != nil {
		t.Fatal(err)
	}
	l, err := OpenList(dir, made.Counts.Targets)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	var lines []string
	for i := range made.Counts.Targets {
		line, err := l.Line(i)
		if err != nil {
			t.Fatal(err)
		}
		lines = append(lines, line)
	}
	if sum, err := l.Hash(); err != nil || sum != made.SHA256 {
		t.Errorf("the list's hash: %s, %v", sum, err)
	}
	left, _ := filepath.Glob(filepath.Join(dir, "*.tmp"))
	if len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
	return dir, made, lines
}

func TestList(t *testing.T) {
	exclude, err := ParseExclusions([]byte("optout.example # and below\n*.asked.example\n198.18.7.0/24\n2606:4700::/32\n"))
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		in   string
		o    ListOptions
		want string // lines, by spaces
		bad  uint64
		excl uint64
		dup  uint64
	}{
		"forms":       {in: "\ufeffa.example\nb.example:8443\nhttps://c.example/x # why\nsmtp://d.example\n[2606:4700::1]:443\r\n\n# nothing\n8.8.8.8\n", want: "a.example b.example:8443 https://c.example/x smtp://d.example [2606:4700::1]:443 8.8.8.8"},
		"columns":     {in: "8.8.8.8,dns.example\n,name.example,tag\n1.1.1.1\n\"1.0.0.1\",\"x.example\",t,8443\n9.9.9.9,,quad\n", want: "8.8.8.8,dns.example ,name.example,tag 1.1.1.1 \"1.0.0.1\",\"x.example\",t,8443 9.9.9.9,,quad"},
		"duplicates":  {in: "a.example\nA.example.\na.example:443\nhttps://a.example/\nsmtp://a.example\na.example:0443\n8.8.8.8,a.example\n8.8.8.8,a.example,other tag\n", want: "a.example smtp://a.example 8.8.8.8,a.example", dup: 5},
		"ports":       {in: "a.example\nb.example:25\nhttps://c.example\n8.8.8.8,d.example\n[2606:4700::1]\n", o: ListOptions{Ports: []string{"443", "8443"}}, want: "a.example:443 a.example:8443 b.example:25 https://c.example 8.8.8.8,d.example,,443 8.8.8.8,d.example,,8443 [2606:4700::1]:443 [2606:4700::1]:8443"},
		"prefix":      {in: "8.8.8.8/30\n", o: ListOptions{Ports: []string{"443"}}, want: "8.8.8.8:443 8.8.8.9:443 8.8.8.10:443 8.8.8.11:443"},
		"prefix, end": {in: "255.255.255.254/31\n2606:4700::fffe/127", o: ListOptions{}, want: "[2606:4700::fffe]:443 [2606:4700::ffff]:443", bad: 1},
		"bad":         {in: "a b\n-x\nhttp://plain.example\nmx:example.com\nhost:99999\n8.8.8.0/7\n8.8.8.0/24,name\na,b,c,d,e\nnotanaddress,x.example\n,\n" + strings.Repeat("x", 5000) + "\n\x00\xff\n@other\n-\ngood.example\n", want: "good.example", bad: 14},
		"special":     {in: "127.0.0.1\n10.0.0.1\n169.254.169.254\n[::1]:443\n192.168.0.1,name.example\n8.8.4.4\n10.0.0.0/31", want: "8.8.4.4", bad: 6},
		"private":     {in: "127.0.0.1\n10.0.0.1\n169.254.169.254\n224.0.0.1\n10.0.0.0/31", o: ListOptions{Private: true}, want: "127.0.0.1 10.0.0.1 10.0.0.0:443", bad: 2, dup: 1},
		"excluded":    {in: "optout.example\nwww.OptOut.example.:8443\nnotoptout.example\nx.asked.example\n198.18.7.1,free.example\n[2606:4700::1]:443\n198.18.8.1\n", o: ListOptions{Exclude: exclude, Private: true}, want: "notoptout.example 198.18.8.1", excl: 5},
		"empty":       {},
	} {
		var bad []BadLine
		c.o.Bad = func(b BadLine) { bad = append(bad, b) }
		dir, made, lines := list(t, c.in, c.o)
		if got := strings.Join(lines, " "); got != c.want {
			t.Errorf("%s:\n%s\nwant\n%s", name, got, c.want)
		}
		n := made.Counts
		if n.Bad != c.bad || n.Excluded != c.excl || n.Duplicates != c.dup || len(bad) != int(c.bad) {
			t.Errorf("%s: %+v %v", name, n, bad)
		}
		b, _ := os.ReadFile(filepath.Join(dir, BadFile))
		if bytes.Count(b, []byte("\n")) != int(c.bad) || bytes.ContainsAny(b, "\x00\x1b\xff") {
			t.Errorf("%s: %s has %q", name, BadFile, b)
		}
	}
}

// However few records are sorted at a time, the first of equal targets stays, and
// the lines keep their order.
func TestDuplicates(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for _, room := range []int{1, 2, 7, 1000} {
		d := newDuplicates(t.TempDir())
		d.room = room
		seen := map[string]bool{}
		var want []uint64
		for i := range uint64(500) {
			key := fmt.Sprint(r.IntN(200))
			if seen[key] {
				want = append(want, i)
			}
			seen[key] = true
			if err := d.add(key); err != nil {
				t.Fatal(err)
			}
		}
		again, err := d.find()
		if err != nil {
			t.Fatal(err)
		}
		var got []uint64
		for i := range uint64(500) {
			if again.has(i) {
				got = append(got, i)
			}
		}
		if !slices.Equal(got, want) {
			t.Errorf("%d records at a time: %v, want %v", room, got, want)
		}
		d.discard()
	}
}

// Every line is found, wherever it is and however long.
func TestLines(t *testing.T) {
	dir := t.TempDir()
	w, err := newListWriter(dir)
	if err != nil {
		t.Fatal(err)
	}
	var want []string
	for i := range 1000 {
		line := strings.Repeat("x", i*i%MaxLine) + fmt.Sprint(i)
		want = append(want, line)
		if err := w.add([]byte(line + "\n")); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := w.close(); err != nil {
		t.Fatal(err)
	}
	l, err := OpenList(dir, 1000)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	for i := range uint64(1000) {
		if got, err := l.Line(i); err != nil || got != want[i] {
			t.Fatalf("line %d: %q, %v", i, got, err)
		}
	}
	if _, err := l.Line(1000); err == nil {
		t.Error("a line behind the end")
	}
	if _, err := OpenList(dir, 2000); err == nil {
		t.Error("an index of another length")
	}
}

// What one asked to be left alone is never passed over in silence.
func TestExclusions(t *testing.T) {
	for _, bad := range []string{"not a name", "192.0.2.1/33", "https://a.example", "a.example/x", "::ffff:192.0.2.0/120", "*"} {
		if _, err := ParseExclusions([]byte("ok.example\n" + bad)); err == nil || !strings.Contains(err.Error(), "line 2") {
			t.Errorf("%q: %v", bad, err)
		}
	}
	var none *Exclusions
	if none.Name("a.example") || none.Target(&Target{}) {
		t.Error("nothing excludes something")
	}
}

func FuzzList(f *testing.F) {
	f.Add("a.example\n8.8.8.8,b.example,tag,443\n10.0.0.0/30\n", "443,8443", true)
	f.Add("https://[2606:4700::1]:8443/\n\xff\x00#\n,,,\n", "", false)
	f.Fuzz(func(t *testing.T, text, ports string, private bool) {
		if len(text) > 1<<12 || strings.Count(text, "/") > 1 {
			return // a prefix stands for many lines
		}
		p, err := Ports(ports)
		if err != nil || len(p) > 4 {
			return
		}
		if at := strings.Index(text, "/"); at >= 0 && !strings.Contains(text, "://") && !strings.Contains(text[at:], "/3") && !strings.Contains(text[at:], "/12") {
			return
		}
		_, made, lines := list(t, text, ListOptions{Ports: p, Private: private})
		seen := map[string]bool{}
		for _, line := range lines {
			target, err := ParseTarget(line)
			if err != nil || len(line) > maxLine {
				t.Fatalf("%q is in the list: %v", line, err)
			}
			if key := target.Key(); seen[key] {
				t.Fatalf("%q stands twice", line)
			} else {
				seen[key] = true
			}
			if a := target.Literal(); a.IsValid() && Reachable(a, private) != nil {
				t.Fatalf("%q is not reachable", line)
			}
		}
		if n := made.Counts; n.Targets != uint64(len(lines)) || n.Lines > uint64(len(text)) {
			t.Fatalf("%+v", n)
		}
	})
}

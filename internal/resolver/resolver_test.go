package resolver

import (
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/dns/dnsmessage"

	"github.com/assaytls/assay/evidence"
)

// nameServer answers by UDP and TCP on one port until the test ends; answers
// says which datagrams follow a question, and what comes by TCP.
func nameServer(t *testing.T, datagrams, streams func(q dnsmessage.Message) [][]byte) (addr string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	pc, err := net.ListenPacket("udp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close(); pc.Close() })
	go func() {
		buf := make([]byte, 4096)
		for {
			n, from, err := pc.ReadFrom(buf)
			if err != nil {
				return
			}
			var m dnsmessage.Message
			if m.Unpack(buf[:n]) == nil {
				for _, b := range datagrams(m) {
					pc.WriteTo(b, from)
				}
			}
		}
	}()
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			c.SetDeadline(time.Now().Add(10 * time.Second))
			var size [2]byte
			io.ReadFull(c, size[:])
			b := make([]byte, binary.BigEndian.Uint16(size[:]))
			io.ReadFull(c, b)
			var m dnsmessage.Message
			if streams != nil && m.Unpack(b) == nil {
				for _, b := range streams(m) {
					c.Write(append(binary.BigEndian.AppendUint16(nil, uint16(len(b))), b...))
				}
			}
			c.Close()
		}
	}()
	return l.Addr().String()
}

// reply is an answer to q, changed by edit.
func reply(t testing.TB, q dnsmessage.Message, edit func(*dnsmessage.Message)) []byte {
	t.Helper()
	q.Response, q.RecursionAvailable, q.AuthenticData, q.Additionals = true, true, true, nil
	edit(&q)
	b, err := q.Pack()
	if err != nil {
		t.Error(err)
	}
	return b
}

func name(s string) dnsmessage.Name { return dnsmessage.MustNewName(s + ".") }

func record(owner string, typ dnsmessage.Type, body dnsmessage.ResourceBody) dnsmessage.Resource {
	return dnsmessage.Resource{Header: dnsmessage.ResourceHeader{Name: name(owner), Type: typ, Class: dnsmessage.ClassINET, TTL: 60}, Body: body}
}

func tlsaRecord(owner string, data ...byte) dnsmessage.Resource {
	return record(owner, typeTLSA, &dnsmessage.UnknownResource{Type: typeTLSA, Data: data})
}

func alias(owner, to string) dnsmessage.Resource {
	return record(owner, dnsmessage.TypeCNAME, &dnsmessage.CNAMEResource{CNAME: name(to)})
}

func ask(t *testing.T, addr, name, typ string) evidence.Lookup {
	t.Helper()
	r, err := Parse(addr, nil)
	if err != nil {
		t.Fatal(err)
	}
	return r.ask(context.Background(), name, typ)
}

const owner = "_25._tcp.a.test"

// What others send does not count, whatever it says: another number, another
// question, a question and no answer. What cannot be read is passed over too.
func TestOtherAnswers(t *testing.T) {
	right := func(q dnsmessage.Message) []byte {
		return reply(t, q, func(m *dnsmessage.Message) { m.Answers = []dnsmessage.Resource{tlsaRecord(owner, 3, 1, 1, 7)} })
	}
	wrong := func(edit func(*dnsmessage.Message)) func(q dnsmessage.Message) []byte {
		return func(q dnsmessage.Message) []byte {
			q.Questions = slices.Clone(q.Questions)
			return reply(t, q, func(m *dnsmessage.Message) {
				m.Answers = []dnsmessage.Resource{tlsaRecord(owner, 3, 1, 1, 6)}
				edit(m)
			})
		}
	}
	for what, other := range map[string]func(q dnsmessage.Message) []byte{
		"another number":   wrong(func(m *dnsmessage.Message) { m.ID++ }),
		"another name":     wrong(func(m *dnsmessage.Message) { m.Questions[0].Name = name("_25._tcp.b.test") }),
		"another type":     wrong(func(m *dnsmessage.Message) { m.Questions[0].Type = dnsmessage.TypeA }),
		"another class":    wrong(func(m *dnsmessage.Message) { m.Questions[0].Class = dnsmessage.ClassCHAOS }),
		"no question":      wrong(func(m *dnsmessage.Message) { m.Questions = nil }),
		"two questions":    wrong(func(m *dnsmessage.Message) { m.Questions = append(m.Questions, m.Questions[0]) }),
		"no answer at all": wrong(func(m *dnsmessage.Message) { m.Response = false }),
		"cut":              func(q dnsmessage.Message) []byte { b := right(q); return b[:len(b)-3] },
		"empty":            func(dnsmessage.Message) []byte { return nil },
		"a loop": wrong(func(m *dnsmessage.Message) {
			m.Answers = []dnsmessage.Resource{alias(owner, "b.test"), alias("b.test", owner)}
		}),
	} {
		addr := nameServer(t, func(q dnsmessage.Message) [][]byte { return [][]byte{other(q), right(q)} }, nil)
		if l := ask(t, addr, owner, "TLSA"); l.Failed() || !l.AD || len(l.Data) != 1 || l.Data[0][3] != 7 {
			t.Errorf("%s: %+v", what, l)
		}
	}
}

// A datagram that is too small for the answer sends the question to TCP; what
// it said itself does not count.
func TestTruncated(t *testing.T) {
	streams := func(q dnsmessage.Message) [][]byte {
		return [][]byte{reply(t, q, func(m *dnsmessage.Message) {
			m.AuthenticData = false
			for i := range 100 {
				m.Answers = append(m.Answers, tlsaRecord(owner, append([]byte{3, 1, 1, byte(i)}, make([]byte, 200)...)...))
			}
		})}
	}
	addr := nameServer(t, func(q dnsmessage.Message) [][]byte {
		return [][]byte{reply(t, q, func(m *dnsmessage.Message) {
			m.Truncated = true
			m.Answers = []dnsmessage.Resource{tlsaRecord(owner, 3, 1, 1, 6)}
		})}
	}, streams)
	if l := ask(t, addr, owner, "TLSA"); l.Failed() || l.AD || len(l.Data) != maxKept || l.Data[1][3] != 1 {
		t.Errorf("%d records, AD %v, %s", len(l.Data), l.AD, l.Failure)
	}
	if l := ask(t, "tcp://"+addr, owner, "TLSA"); l.Failed() || len(l.Data) != maxKept {
		t.Errorf("by TCP: %+v", l.Failure)
	}
}

// Aliases are followed, records of other names are not taken, and neither a
// circle nor a long way ends in records.
func TestAliases(t *testing.T) {
	long := func(n int) (rs []dnsmessage.Resource) {
		rs = append(rs, alias(owner, "n0.test"))
		for i := range n {
			rs = append(rs, alias(fmt.Sprintf("n%d.test", i), fmt.Sprintf("n%d.test", i+1)))
		}
		return append(rs, tlsaRecord(fmt.Sprintf("n%d.test", n), 3, 1, 1, 7))
	}
	for what, c := range map[string]struct {
		answers []dnsmessage.Resource
		n       int
		final   string
		fails   bool
	}{
		"an alias":           {[]dnsmessage.Resource{alias(owner, "B.test"), tlsaRecord("b.TEST", 3, 1, 1, 7)}, 1, "b.test", false},
		"in any order":       {[]dnsmessage.Resource{tlsaRecord("b.test", 3, 1, 1, 7), alias(owner, "b.test")}, 1, "b.test", false},
		"of another name":    {[]dnsmessage.Resource{tlsaRecord("b.test", 3, 1, 1, 7)}, 0, owner, false},
		"beside the alias":   {[]dnsmessage.Resource{alias(owner, "b.test"), tlsaRecord(owner, 3, 1, 1, 7)}, 0, "b.test", false},
		"another alias":      {[]dnsmessage.Resource{alias("c.test", "b.test"), tlsaRecord("b.test", 3, 1, 1, 7)}, 0, owner, false},
		"a circle":           {[]dnsmessage.Resource{alias(owner, "b.test"), alias("b.test", owner)}, 0, owner, true},
		"sixteen aliases":    {long(15), 1, "n15.test", false},
		"seventeen aliases":  {long(16), 0, owner, true},
		"of another class":   {[]dnsmessage.Resource{{Header: dnsmessage.ResourceHeader{Name: name(owner), Type: typeTLSA, Class: dnsmessage.ClassCHAOS}, Body: &dnsmessage.UnknownResource{Type: typeTLSA, Data: []byte{3, 1, 1, 7}}}}, 0, owner, false},
		"other types beside": {[]dnsmessage.Resource{record(owner, dnsmessage.TypeTXT, &dnsmessage.TXTResource{TXT: []string{"x"}}), tlsaRecord(owner, 3, 1, 1, 7)}, 1, owner, false},
	} {
		addr := nameServer(t, nil, func(q dnsmessage.Message) [][]byte {
			return [][]byte{reply(t, q, func(m *dnsmessage.Message) { m.Answers = c.answers })}
		})
		if l := ask(t, "tcp://"+addr, owner, "TLSA"); l.Failed() != c.fails || len(l.Data) != c.n || l.Final() != c.final {
			t.Errorf("%s: %+v", what, l)
		}
	}
}

// An answer with more records than are read is none.
func TestManyAnswers(t *testing.T) {
	addr := nameServer(t, nil, func(q dnsmessage.Message) [][]byte {
		return [][]byte{reply(t, q, func(m *dnsmessage.Message) {
			for range maxAnswers + 1 {
				m.Answers = append(m.Answers, tlsaRecord(owner, 3, 1, 1, 7))
			}
		})}
	})
	if l := ask(t, "tcp://"+addr, owner, "TLSA"); !l.Failed() || len(l.Data) > 0 {
		t.Errorf("%d records", len(l.Data))
	}
}

// A resolver that says nothing costs its time and no more.
func TestSilent(t *testing.T) {
	pc, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer pc.Close()
	r, err := Parse(pc.LocalAddr().String(), nil)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 300*time.Millisecond)
	defer cancel()
	start := time.Now()
	if l := r.ask(ctx, "a.test", "A"); !l.Failed() || l.Failure == "" || time.Since(start) > 3*time.Second {
		t.Errorf("%+v after %s", l, time.Since(start))
	}
}

// The base domains: the end of an alias first, if DNSSEC protects it.
func TestBases(t *testing.T) {
	for _, c := range []struct {
		ad    bool
		alias bool
		at    string // has TLSA records
		want  []string
	}{
		{true, false, "a.test", []string{"a.test"}},
		{true, true, "b.test", []string{"b.test"}},
		{true, true, "a.test", []string{"b.test", "a.test"}},
		{false, true, "b.test", []string{"a.test"}},
		{true, true, "", []string{"b.test", "a.test"}},
	} {
		addr := nameServer(t, func(q dnsmessage.Message) [][]byte {
			return [][]byte{reply(t, q, func(m *dnsmessage.Message) {
				m.AuthenticData = c.ad
				asked := text(q.Questions[0].Name)
				switch q.Questions[0].Type {
				case dnsmessage.TypeA:
					end := asked
					if c.alias {
						end = "b.test"
						m.Answers = append(m.Answers, alias(asked, end))
					}
					m.Answers = append(m.Answers, record(end, dnsmessage.TypeA, &dnsmessage.AResource{A: [4]byte{127, 0, 0, 1}}))
				case typeTLSA:
					if strings.HasSuffix(asked, "."+c.at) && c.at != "" {
						m.Answers = []dnsmessage.Resource{tlsaRecord(asked, 3, 1, 1, 7)}
					}
				}
			})}
		}, nil)
		r, err := Parse(addr, nil)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, l := range r.TLSA(context.Background(), "a.test", "25").Lookups {
			if l.Type == "TLSA" {
				got = append(got, l.Base)
			}
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%+v: %v", c, got)
		}
	}
}

// How resolvers are named, and over which of them the AD bit counts.
func TestParse(t *testing.T) {
	for s, want := range map[string]struct {
		addr    string
		channel evidence.Channel
	}{
		"127.0.0.1": {"127.0.0.1:53", evidence.ChannelLoopback}, "127.0.0.53:5353": {"127.0.0.53:5353", evidence.ChannelLoopback},
		"::1": {"[::1]:53", evidence.ChannelLoopback}, "[::1]:5353": {"[::1]:5353", evidence.ChannelLoopback}, "[::1]": {"[::1]:53", evidence.ChannelLoopback},
		"::ffff:127.0.0.1": {"[::ffff:127.0.0.1]:53", evidence.ChannelLoopback},
		"192.0.2.1":        {"192.0.2.1:53", evidence.ChannelPlain}, "tcp://192.0.2.1:54": {"192.0.2.1:54", evidence.ChannelPlain}, "udp://127.0.0.1": {"127.0.0.1:53", evidence.ChannelLoopback},
		"tls://dns.example": {"dns.example:853", evidence.ChannelTLS}, "tls://192.0.2.1:8853": {"192.0.2.1:8853", evidence.ChannelTLS}, "tls://127.0.0.1": {"127.0.0.1:853", evidence.ChannelTLS},
	} {
		r, err := Parse(s, nil)
		if err != nil || r.addr != want.addr || r.channel != want.channel || r.String() != s {
			t.Errorf("%s: %+v, %v", s, r, err)
		}
	}
	for _, s := range []string{"", "localhost", "dns.example", "tcp://dns.example", "https://192.0.2.1", "tls://", "tls://a b", "192.0.2.1:0", "192.0.2.1:x", "192.0.2.1:99999", "tls://u@h", "tls://a/b"} {
		if r, err := Parse(s, nil); err == nil {
			t.Errorf("%q was read as %+v", s, r)
		}
	}
}

// The order of exchangers and servers is the same in every run.
func TestOrder(t *testing.T) {
	mx := func(pref byte, host string) []byte { return append([]byte{0, pref}, host...) }
	srv := func(priority, weight byte, host string) []byte {
		return append([]byte{0, priority, 0, weight, 3, 225}, host...)
	}
	hosts := func(ns []Named) (out []string) {
		for _, n := range ns {
			out = append(out, n.Host)
		}
		return out
	}
	if got := hosts(ordered([][]byte{mx(20, "c"), mx(10, "b"), mx(10, "a"), {0}}, 2)); !slices.Equal(got, []string{"a", "b", "c"}) {
		t.Errorf("MX: %v", got)
	}
	got := ordered([][]byte{srv(2, 0, "d"), srv(1, 5, "b"), srv(1, 9, "a"), srv(1, 5, "c"), {0, 0}}, 6)
	if !slices.Equal(hosts(got), []string{"a", "b", "c", "d"}) || got[0].Port != "993" {
		t.Errorf("SRV: %+v", got)
	}
}

func FuzzAnswer(f *testing.F) {
	q, err := newQuestion(7, owner, typeTLSA)
	if err != nil {
		f.Fatal(err)
	}
	var m dnsmessage.Message
	if err := m.Unpack(q.wire); err != nil {
		f.Fatal(err)
	}
	f.Add(reply(f, m, func(m *dnsmessage.Message) {
		m.Answers = []dnsmessage.Resource{alias(owner, "b.test"), tlsaRecord("b.test", 3, 1, 1, 7)}
	}))
	f.Add(q.wire)
	f.Fuzz(func(t *testing.T, b []byte) {
		a, err := q.read(b)
		if err == nil && (len(a.aliases) > maxAliases || len(a.data) > maxAnswers || a.truncated && len(a.data) > 0) {
			t.Fatalf("%+v", a)
		}
	})
}

// Why there was no answer is told without the ports of our own socket.
func TestRefused(t *testing.T) {
	pc, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := pc.LocalAddr().String()
	pc.Close()
	for _, how := range []string{"udp", "tcp", "tls"} {
		if l := ask(t, how+"://"+addr, "a.test", "A"); l.Failure != "connection refused" {
			t.Errorf("%s: %q", how, l.Failure)
		}
	}
}

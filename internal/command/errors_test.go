package command

import (
	"strings"
	"testing"
)

func TestQuoteLines(t *testing.T) {
	for in, want := range map[string]string{
		"a  b ": "a  b ", "a\nb": "a; b", "a\x1b[1mb c": `a\u{1b}[1mb c`, strings.Repeat("x", 300) + ": too long": strings.Repeat("x", 256) + "… too long",
	} {
		if got := QuoteLines(in); got != want {
			t.Errorf("%q: %q", in, got)
		}
	}
}

func TestWorse(t *testing.T) {
	for _, c := range []struct{ a, b, want int }{
		{0, 0, 0}, {0, 3, 3}, {3, 0, 3}, {3, 1, 1}, {1, 3, 1}, {1, 0, 1}, {2, 1, 2}, {3, 2, 2},
	} {
		if got := Worse(c.a, c.b); got != c.want {
			t.Errorf("worse(%d, %d) = %d", c.a, c.b, got)
		}
	}
}

func TestNearest(t *testing.T) {
	for in, want := range map[string]string{"chek": "check", "chekc": "check", "vrify": "verify", "zzz": "", "": ""} {
		if got := Nearest(in, []string{"check", "verify", "show"}); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
}

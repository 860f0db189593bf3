package policy

// Program is a root program: an organisation that decides which roots its
// products trust for TLS. The zero is the system's own store, which has no table:
// it is what this computer, or the user, trusts.
type Program uint8

// The programs.
const (
	ProgramSystem    Program = iota // the store of this computer, or the anchors the user named
	ProgramMozilla                  // Firefox and Thunderbird; copied by most Linux distributions
	ProgramChrome                   // the Chrome Root Store: Chrome on every system but iOS
	ProgramApple                    // macOS, iOS and the others of Apple
	ProgramMicrosoft                // Windows
	ProgramAndroid                  // the store of Android (AOSP), which apps use
)

var programWords = []string{"system", "mozilla", "chrome", "apple", "microsoft", "android"}

// programNames are the programs in people's words.
var programNames = []string{"the system", "Mozilla", "Chrome", "Apple", "Microsoft", "Android"}

// ParseProgram reads a word of Program.
func ParseProgram(s string) (Program, error) { return parse[Program](programWords, s) }

// AllProgram lists the programs, the system's store first.
func AllProgram() []Program { return all[Program](programWords) }

// String returns the program's word.
func (p Program) String() string { return word(programWords, p) }

// Name returns the program's name in a sentence: "Mozilla", "the system".
func (p Program) Name() string { return word(programNames, p) }

// MarshalText returns the program's word.
func (p Program) MarshalText() ([]byte, error) { return marshal(programWords, p) }

// UnmarshalText reads a word.
func (p *Program) UnmarshalText(b []byte) error { return unmarshal(programWords, p, b) }

// Published reports whether the program publishes its roots, so that there can be a
// table of them. The system's store has none.
func (p Program) Published() bool { return p != ProgramSystem && int(p) < len(programWords) }

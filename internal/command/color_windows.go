package command

import (
	"os"

	"golang.org/x/sys/windows"
)

// paints makes the console of f understand escape sequences and reports whether it does. Consoles of Windows show
// them as they are until a program has asked for that.
func paints(f *os.File) bool {
	var mode uint32
	h := windows.Handle(f.Fd())
	return windows.GetConsoleMode(h, &mode) == nil && windows.SetConsoleMode(h, mode|windows.ENABLE_VIRTUAL_TERMINAL_PROCESSING) == nil
}

package finding

var certKinds = []Kind{}

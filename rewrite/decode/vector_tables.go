package decode

// What VEX, EVEX and XOP allow. A line is a map and a mandatory prefix, then opcodes, each with the forms that exist:
//
//	first-last=forms/regs!k:lengths
//
// forms is a set of (mod==3)<<2 | W<<1 | L, where EVEX has its broadcast bit in place of L; regs, where some are missing, is a set of
// (mod==3)<<3 | ModRM.reg; "!" says that vvvv must be unused, "k"
// that EVEX cannot name a mask and "K" that it must, lengths is a set of vector lengths (without rounding). The lists were measured from what objdump takes over the whole space,
// then corrected where it is lax (AMX) or older than the instruction (SHA512, SM3, SM4, AVX-VNNI-INT16, AMX-COMPLEX).
const (
	vexSpec = `1 np 10-11=ff! 12=55 13=05/00ff! 14-15=ff 16=55 17=05/00ff! 28-29=ff! 2b=0f/00ff! 2e-2f=ff! 41-42=a0/ff00 44=50/ff00!
1 np 45-47=a0/ff00 4a-4b=a0/ff00 50=f0/ff00! 51-53=ff! 54-59=ff 5a-5b=ff! 5c-5f=ff 77=ff! 90=55! 91=05/00ff! 92-93=10/ff00!
1 np 98-99=50/ff00! ae=05/000c! c2=ff c6=ff
1 66 10-11=ff! 12=05/00ff 13=05/00ff! 14-15=ff 16=05/00ff 17=05/00ff! 28-29=ff! 2b=0f/00ff! 2e-2f=ff! 41-42=a0/ff00 44=50/ff00!
1 66 45-47=a0/ff00 4a=a0/ff00 4b=20/ff00 50=f0/ff00! 51=ff! 54-59=ff 5a-5b=ff! 5c-6d=ff 6e=55! 6f-70=ff! 71-72=f0/5400 73=f0/cc00
1 66 74-76=ff 77=ff! 7c-7d=ff 7e=55! 7f=ff! 90=55! 91=05/00ff! 92-93=10/ff00! 98-99=50/ff00! ae=05/000c! c2=ff c4=55 c5=50/ff00!
1 66 c6=ff d0-d5=ff d6=55! d7=f0/ff00! d8-e5=ff e6=ff! e7=0f/00ff! e8-ef=ff f1-f6=ff f7=50/ff00! f8-fe=ff
1 f3 10-11=ff 12=ff! 16=ff! 2a=ff 2c-2d=ff! 51-53=ff 58-5a=ff 5b=ff! 5c-5f=ff 6f-70=ff! 77=ff! 7e=55! 7f=ff! ae=05/000c! c2=ff
1 f3 e6=ff!
1 f2 10-11=ff 12=ff! 2a=ff 2c-2d=ff! 51=ff 58-5a=ff 5c-5f=ff 70=ff! 77=ff! 7c-7d=ff 92-93=50/ff00! ae=05/000c! c2=ff d0=ff e6=ff!
1 f2 f0=0f/00ff!
2 np 49=11/0101! 50-51=33 5e=10/ff00 b0=03/00ff! f2=55 f3=55/0e0e f5=55 f7=55
2 66 00-0b=ff 0c-0d=33 0e-0f=33! 13=33! 16=22 17=ff! 18=33! 19=22! 1a=02/00ff! 1c-1e=ff! 20-25=ff! 28-29=ff 2a=0f/00ff! 2b=ff
2 66 2c-2f=03/00ff 30-35=ff! 36=22 37-40=ff 41=55! 45=ff 46=33 47=ff 49=01/0001! 4b=01/00ff! 50-53=33 58-59=33! 5a=02/00ff!
2 66 5e=10/ff00 78-79=33! 8c=0f/00ff 8e=0f/00ff 90-93=0f/00ff 96-9f=ff a6-af=ff b0-b1=03/00ff! b4-b5=cc b6-bf=ff cf=33 db=55!
2 66 dc-df=ff e0-ef=05/00ff f7=55
2 f3 4b=01/00ff! 50-51=33 5c=10/ff00 5e=10/ff00 72=33! b0-b1=03/00ff! f5=55 f7=55
2 f2 49=10/ff00! 4b=01/00ff! 50-51=33 5c=10/ff00 5e=10/ff00 b0=03/00ff! f5-f7=55
3 66 00-01=88! 02=33 04-05=33! 06=22 08-09=ff! 0a-0f=ff 14-17=55! 18=22 19=22! 1d=33! 20-22=55 30-33=50/ff00! 38=22 39=22! 40=ff
3 66 41=55 42=ff 44=ff 46=22 48-49=ff 4a-4c=33 5c-5f=ff 60-63=55! 68-6f=ff 78-7f=ff ce-cf=cc df=55!
3 f2 f0=55!
2 np 6c=10/ff00 d2-d3=33 da=11
2 66 6c=10/ff00 da=11
2 f3 d2-d3=33 da=33
2 f2 cb=20/ff00 cc=20/ff00! cd=20/ff00! da=33
3 66 de=11
`

	evexSpec = `1 np 10-11=fd! 12=15:1 13=01/00ff!:1 14-15=33 16=15:1 17=01/00ff!:1 28=33! 29=31! 2b=03/00ff! 2e-2f=f5! 51=ff! 54-57=33 58-59=ff
1 np 5a=33! 5b=ff! 5c-5f=ff 78-79=ff! c2=33 c6=33
1 66 10-11=fd! 12=05/00ff:1 13=04/00ff!:1 14-15=cc 16=05/00ff:1 17=04/00ff!:1 28-29=cc! 2b=0c/00ff! 2e-2f=f5! 51=ff! 54-57=cc
1 66 58-59=ff 5a=cc! 5b=33! 5c-61=ff 62=33 63-65=ff 66=33 67-69=ff 6a-6b=33 6c-6d=cc 6e=55!:1 6f=fd! 70=33! 71=ff/5454 72=ff/5757
1 66 73=ff/cccc 74-75=ff 76=33 78-7b=ff! 7e=5d!:1 7f=fd! c2=cc c4=5d:1 c5=50/ff00!:1 c6=cc d1=fd d2=31 d3-d4=cc d5=ff d6=4c!:1
1 66 d8-e0=ff e1-e2=fd e3-e5=ff e6=cc! e7=31! e8-ef=ff f1=fd f2=31 f3-f4=cc f5-f6=ff f8-f9=ff fa=33 fb=cc fc-fd=ff fe=33
1 f3 10-11=31 12=31! 16=31! 2a=f5 2c-2d=fd! 51=31 58-5a=31 5b=33! 5c-5f=31 6f=fd! 70=ff! 78-79=fd! 7a=ff! 7b=f5 7e=44!:1 7f=fd!
1 f3 c2=31 e6=ff!
1 f2 10=c4 11=cc 12=c4! 2a=f5 2c-2d=f5! 51=c4 58-5a=c4 5c-5f=c4 6f-70=ff! 78-79=f5! 7a=ff! 7b=f5 7f=fd! c2=c4 e6=cc!
2 np 4e=ff! 50-51=33
2 66 00=ff 04=ff 0b=ff 0c=33 0d=cc 10-12=cc 13=31! 14-15=ff 16=ff:6 18=31! 19=f5!:6 1a=0d/00ff!:6 1b=0d/00ff!:4 1c-1d=ff! 1e=33!
2 66 1f=cc! 20-24=fd! 25=31! 26-27=ff 28-29=cc 2a=31! 2b=33 2c=ff 2d=f5 30-34=fd! 35=31! 36=ff:6 37=cc 38-40=ff 42=ff! 43=f5
2 66 44=ff! 45-47=ff 4c=ff! 4d=f5 4e=ff! 4f=f5 50-53=33 54-55=ff! 58=31! 59=f5! 5a=0d/00ff!:6 5b=0d/00ff!:4 62-63=fd! 64-66=ff
2 66 70=cc 71=ff 72=cc 73=ff 75-77=ff 78-79=31! 7a-7b=30/ff00! 7c=f0/ff00! 7d-7f=ff 83=cc 88-8b=fd! 8d=ff 8f=ff 90-93=0d/00ff!K
2 66 96-98=ff 99=f5 9a=ff 9b=f5 9c=ff 9d=f5 9e=ff 9f=f5 a0-a3=0d/00ff!K a6-a8=ff a9=f5 aa=ff ab=f5 ac=ff ad=f5 ae=ff af=f5
2 66 b4-b5=cc b6-b8=ff b9=f5 ba=ff bb=f5 bc=ff bd=f5 be=ff bf=f5 c4=ff! c6-c7=0d/0066!K:4 c8=ff! ca=ff! cb=f5 cc=ff! cd=f5 cf=33
2 66 dc-df=ff
2 f3 10-15=31! 20-25=31! 26-27=ff 28=f0/ff00! 29=ff! 2a=c0/ff00! 30-35=31! 38=f0/ff00! 39=ff! 3a=30/ff00! 4e=ff! 50-52=33 72=33!
2 f2 4e=ff! 50-51=33 52-53=01/00ff 68=ff 72=33 9a-9b=01/00ff aa-ab=01/00ff
3 np 08=33! 0a=31 26=33! 27=31 42=33 56=33! 57=31 66=33! 67=31! 70=cc 72=cc c2=33
3 66 00-01=cc!:6 03=ff 04=33! 05=cc! 08=33! 09=cc! 0a=31 0b=c4 0f=ff 14-17=5d!:1 18=fd:6 19=fd!:6 1a=fd:4 1b=fd!:4 1d=31! 1e-1f=ff
3 66 20=5d:1 21=11:1 22=5d:1 23=ff:6 25=ff 26=ff! 27=f5 38=fd:6 39=fd!:6 3a=fd:4 3b=fd!:4 3e-3f=ff 42=33 43=ff:6 44=ff 50=ff 51=f5
3 66 54=ff 55=f5 56=ff! 57=f5 66=ff! 67=f5! 70=cc 71=ff 72=cc 73=ff ce-cf=cc
3 f3 42=33 70=cc 72=cc c2=31
3 f2 42=33 70=cc 72=cc
5 np 1d=31 2e-2f=31! 51=33! 58-59=33 5a=33! 5b=ff! 5c-5f=33 78-79=33! 7c-7d=33!
5 66 1d=33! 5a=cc! 5b=33! 6e=f5! 78-7d=33! 7e=fd!
5 f3 10-11=31 2a=f5 2c-2d=fd! 51=31 58-5a=31 5b=33! 5c-5f=31 78-79=fd! 7b=f5 7d=33!
5 f2 5a=c4 7a=ff! 7d=33!
6 np 13=31
6 66 13=33! 2c=33 2d=31 42=33! 43=31 4c=33! 4d=31 4e=33! 4f=31 96-98=33 99=31 9a=33 9b=31 9c=33 9d=31 9e=33 9f=31 a6-a8=33 a9=31
6 66 aa=33 ab=31 ac=33 ad=31 ae=33 af=31 b6-b8=33 b9=31 ba=33 bb=31 bc=33 bd=31 be=33 bf=31
6 f3 56=33 57=31 d6=33 d7=31
6 f2 56=33 57=31 d6=33 d7=31
`

	xopSpec = `8 np 85-87=11 8e-8f=11 95-97=11 9e-9f=11 a2=ff a3=55 a6=11 b6=11 c0-c3=11! cc-cf=11 ec-ef=11
9 np 01=55/fefe 02=55/4242 12=50/0300! 80-81=33! 82-83=11! 90-9b=55 c1-c3=11! c6-c7=11! cb=11! d1-d3=11! d6-d7=11! db=11!
9 np e1-e3=11!
a np 10=ff! 12=55/0303
`
)

// 导览的简体中文文本。{name} 是板子的数值，`name` 是代码。

import type { Text } from "./steps";

export const ZH: Record<string, Text> = {
  dark: {
    title: "MMU 已打开，四周几乎一片黑暗",
    text: [
      "内核刚刚打开 MMU。它还没有读设备树，不知道有多少 RAM、在哪里。因此 `__create_page_tables` 只映射继续运行所必需的部分：打开 MMU 的那几条指令（恒等映射，位于内核半区之下）、内核镜像自身，以及设备树 (dtb)。",
      "在这块板子上一共是 {mapped}，{sections} 个段。镜像位于物理地址 {image}，设备树位于 {dtb}。访问任何其他地址都会触发异常，而用来报告异常的向量此时也还不存在。",
    ],
    versions: "5.11 之前，设备树映射在线性映射区里它“应在”的位置，超出低端内存的设备树就成了野地址。此后它固定映射在 0xff800000。",
    question: "内核链接在 PAGE_OFFSET 以上的地址，为什么还需要恒等映射？",
    answer: "置 M 位的指令运行在物理地址上。下一次取指已经过翻译，必须在同一地址找到同样的代码。",
  },
  root: {
    title: "页目录：16 KiB，以及属于内核的那一段",
    text: [
      "MMU 需要一级页表的物理地址。Linux 把 `swapper_pg_dir` 放在内核代码的下方：这里是 {root}，即 PHYS_OFFSET + {offset}（若代码偏移为通常的 0x8000，则是 +0x4000）。它占 {bytes}：{words} 个字，覆盖 4 GiB。",
      "内核只使用其中最高的一段地址。它的表项从表内偏移 {part} 开始，即 {kernelPart}；在通常的代码偏移和 PAGE_OFFSET 0xc0000000 下就是 PHYS_OFFSET + 0x7000。而写入 TTBR0 的仍是整张表的起始地址。",
    ],
    versions: "使用长描述符 (LPAE) 时页目录占 20 KiB：一页放四个表项，再加四页、每页 512 个 pmd。不同平台的 TEXT_OFFSET 不同，页目录随之移动。",
    question: "现在用户空间对应的字里有什么？以后由谁填写？",
    answer: "此时只有恒等映射。之后每个进程有自己的页目录，只把内核部分复制进去。",
  },
  memblock: {
    title: "memblock：两个列表，看清物理内存",
    text: [
      "memblock 是静态定义的分配器，由两个列表组成：`memory` 记录有哪些 RAM，`reserved` 记录其中哪些已被占用。`setup_machine_fdt` 扫描设备树的 memory 节点，对每一段调用 `memblock_add`。随后 `arm_memblock_init` 保留不能分出去的部分：内核镜像、initrd、页目录、设备树、/reserved-memory、CMA。",
      "这里 memory 有 {memory} 个区域，共 {ram}；reserved 有 {reserved} 个。在前者而不在后者中的就是空闲内存。点击一个区域，可以看到它来自设备树的哪个字节。",
    ],
    versions: "3.15 及以前，内存段先放进 `meminfo`。5.12（5.10.20）之前 no-map 区域会从 memory 中删除，此后保留并打上标记。",
    question: "保留的先后顺序决定了什么？",
    answer: "当两者想要同一块地方时谁能得到：后来的会被拒绝，或在允许时挪到别处。",
  },
  touch: {
    title: "看得见，摸不着",
    text: [
      "看 {free}：memblock 知道这块 RAM，它也是空闲的，但页表里没有任何字通向它。内核可以把它分出去，却一个字节也写不了。当务之急就是为它建立页表映射。",
      "要建立映射，memblock 得提供存放页表的页，而这些页会立刻被写入。所以 memblock 只能分配已经映射、或在写入前会被映射的内存：它的上限 `current_limit` 是 {limit}。",
    ],
    versions: "如果 memblock 分出一个没有映射的页，内核会无声地死掉：参见首个内存段过小的板子的“发现”。",
    question: "此时哪些 RAM 一定可写？",
    answer: "head.S 的段映射所覆盖的部分：镜像及其最后一段的剩余部分，还有设备树。",
  },
  lowmem: {
    title: "低端内存与高端内存",
    text: [
      "内核最多只有从 PAGE_OFFSET 到末尾的地址，还要给 vmalloc、ioremap 和固定区域留出空间。放得下的 RAM 是低端内存，一次性建立映射；放不下的是高端内存，没有固定的虚拟地址。",
      "`adjust_lowmem_bounds` 把界线划在 {limit}：低端内存 {lowmem}，高端内存 {highmem}，丢失 {lost}。假如有 1.5 GiB 物理内存而内核只有 1 GiB 地址，总有一部分无法直接映射。",
    ],
    versions: "4.10 及以前该函数叫 `sanity_check_meminfo`。4.4 把 VMALLOC_END 从 0xff000000 移到 0xff800000，低端内存因此增加 8 MiB。没有 CONFIG_HIGHMEM 时，多出的部分被丢弃。",
    question: "怎样让这块板子有更多低端内存？",
    answer: "换一种划分（VMSPLIT_2G、VMSPLIT_3G_OPT）可降低 PAGE_OFFSET；减小 vmalloc= 可抬高界线。",
  },
  linear: {
    title: "线性映射区只是建立映射，不是分配",
    text: [
      "在线性映射区里，虚拟地址等于物理地址加 {delta}：{pageOffset} 对应 {physOffset}，依此类推。`__va` 和 `__pa` 各是一次加法。",
      "一页在这里有映射，并不表示它正在被使用。映射只是让内核能够直接访问、从而管理全部低端内存。谁使用哪一页由页分配器决定，以 4 KiB 为单位，按 pfn 和 `struct page` 索引。用户空间得到一页时，才按 4 KiB 建立自己的映射；线性映射区粗一些也没有关系。",
    ],
    versions: "PHYS_OFFSET 在启动时写进 __va 和 __pa 的指令 (ARM_PATCH_PHYS_VIRT)。5.10 及以前必须是 16 MiB 的倍数，此后是 2 MiB 的倍数。",
    question: "用户空间的一页位于低端内存。有几个虚拟地址通向它？",
    answer: "至少两个：进程中的地址，以及它在线性映射区中的位置。",
  },
  sections: {
    title: "一个段，还是 256 个页：各自的代价",
    text: [
      "一级页表项可以直接映射 {section}：这就是段映射 (section map)。它也可以指向二级页表，由后者映射 4 KiB 的小页。段映射不需要二级页表，节省内存；翻译只需读一次而不是两次，每次 TLB 缺失都节省时间，而且一个 TLB 项就覆盖 {section}。",
      "这里 {sections} 个段和 {pages} 个小页共用 {bytes} 的页表。若全部用小页，需要 {pageOnly}。只有在端点没有对齐、或权限必须按 4 KiB 区分时才使用页映射。",
    ],
    versions: "LPAE 的段（块）是 2 MiB。DEBUG_PAGEALLOC 和 rodata 相关选项会让内核改用页。",
    question: "用户空间适合使用段映射吗？",
    answer: "不适合。内存按 4 KiB 的页分给进程，每页有各自的权限和生命周期。",
  },
  types: {
    title: "paging_init 开始：build_mem_type_table",
    text: [
      "`paging_init` 建立真正的页表。首先要确定关于内存能说些什么：`mem_types` 是一张静态表，列出各种类型（低端内存、设备、向量……），每种类型有三组位：Linux 页表项、指向二级页表的描述符、段描述符。`build_mem_type_table` 按当前 CPU 进行调整。",
      "在 {cpu} 上，经过 {adjustments} 次调整，缓存策略为 {policy}。这些位对 CPU 的含义由 {by} 解码，见最后一列。",
    ],
    versions: "从 4.12 起它在保留内存之前、于 `early_mm_init` 中运行。3.14 把 MT_MEMORY 分成 MT_MEMORY_RWX 和 MT_MEMORY_RW。",
    question: "为什么设备内存要设置 XN？",
    answer: "使 CPU 绝不会从设备推测取指：读设备可能产生副作用。",
  },
  prepare: {
    title: "prepare_page_table：清除三段范围",
    text: [
      "在写入新的表项之前，先清除 head.S 留下的、不再需要的内容。共三段：从 0 到模块区起点（{modules}）；从那里到 PAGE_OFFSET（{pageOffset}）；从第一个内存区域的末尾（{firstVirtual}，物理地址 {first}）到 vmalloc 区。共有 {words} 个字改变。",
      "前两段属于用户空间：恒等映射被清掉。第三段避开第一个内存区域，因为内核被认为就在其中。如果不在，内核就清掉了自己脚下的映射。",
    ],
    versions: "XIP 内核会跳过模块区中的代码。从 5.12 起，位于 RAM 起始处的 no-map 区域会使第一个区域变短，已有真实的板子因此无法启动。",
    question: "内核自己的映射被清掉后仍能继续运行，能撑多久？",
    answer: "直到 TLB 中的旧表项被刷新或被替换。",
  },
  "map-lowmem": {
    title: "map_lowmem：RW、RWX、RW",
    text: [
      "低端内存界线以下的每个区域都映射到固定位置。空闲内存只需可读可写；内核代码还必须可执行，所以镜像要重新映射：head.S 的映射只是在不知道物理内存信息时的临时映射。于是分为三部分：镜像之前的 RAM 为 RW，镜像为 RWX，镜像之后的 RAM 为 RW。设备树所在的内存属于其中的 RW 部分。",
      "这里是：{parts}。`map_lowmem` 改变了 {words} 个字。",
    ],
    versions: "3.13 及以前整个低端内存都是 RWX。3.14 引入两种类型；5.14 起镜像由单独的 `map_kernel` 映射。最终权限（代码 R-X、常量 R--）在启动末尾设置。",
    question: "为什么“镜像之前”的部分可能不存在？",
    answer: "如果镜像的第一个段就是 RAM 的第一个段（代码偏移小于一个段），它前面就没有内存。",
  },
  "map-desc": {
    title: "map_desc 与 create_mapping",
    text: [
      "每个映射由一个 `struct map_desc` 描述：虚拟地址、物理页帧号 pfn、长度、类型。`create_mapping` 接受它，逐级向下，凡两端都按段对齐之处就写入段描述符。",
      "内核代码所在的字由这一个写入：虚拟地址 {virtual}，pfn {pfn}（物理地址 {physical}），长度 {length}，类型 {type}。面板里还列出此前的每一次写入。",
    ],
    versions: "这四个字段自 2.6 起没有变化。使用 pfn 而不是地址，可以表示 4 GiB 以上的内存。",
    question: "create_mapping 会拒绝什么？",
    answer: "除向量之外的用户空间地址。对于 vmalloc 区之外的设备映射，它只发出警告。",
  },
  folded: {
    title: "pgd、p4d、pud、pmd、pte 折叠成两级",
    text: [
      "通用代码按最大的机器分级：pgd（页全局目录）、p4d、pud（页上级目录）、pmd（页中间目录）、pte（页表项）。这里的硬件级数更少：{levels}。缺少的级被折叠：pud 就是 pgd 项本身，中间的函数原样返回所得到的指针，成本只是几层函数调用，编译器会把它们消除。",
      "在短描述符下，Linux 还把两个硬件字合成一个 pgd 项，覆盖 2 MiB：所以图中的字成对出现。",
    ],
    versions: "p4d 于 4.11 为 x86 引入，5.8 起 ARM 也使用。LPAE 有三级真实页表，只折叠 pud 和 p4d。",
    question: "对 pud 的循环在哪里会执行不止一次？",
    answer: "在 ARM 上不会：折叠的级恰好只有一项。",
  },
  halves: {
    title: "一页之中：两个硬件页表和两个 Linux 页表",
    text: [
      "硬件二级页表有 256 项，每项 4 字节，共 1 KiB；4 KiB 的页本可放四个。Linux 只放两个，对应一对字，放在后半页。前半页存放同样这些页的 Linux 自己的 512 个 pte。",
      "硬件页表项没有 young 和 dirty 位，Linux 把它们记在自己的副本里；`set_pte_ext` 同时写两者，硬件的由 Linux 的推导而来。对于 {va}：Linux 的 pte 在 {linux}，硬件的 pte 在其后 2 KiB 处的 {hardware}，都在页 {page} 中。不 young 的页不写入硬件页表，下次访问就会出错，内核由此得知。",
    ],
    versions: "长描述符的字有 64 位，留有软件位，一张表供两者使用。2.6.38 之前硬件页表在前。",
    question: "谁读取 Linux 的那一半？",
    answer: "只有内核：MMU 得到的是后半页的地址，看不到前半页。",
  },
  devicemaps: {
    title: "devicemaps_init：向量与设备",
    text: [
      "为异常向量及其代码分配两页，`early_trap_init` 把代码复制进去，并映射到 0xffff0000：这里对应物理地址 {vectors}。从此异常会被报告，而不再是一片沉默。",
      "vmalloc 区以上全部清除并重新映射：设备树（只读）、向量，以及机器描述的 `map_io` 所要求的设备 IO。现在上面有 {areas} 段映射。最后刷新缓存和 TLB：此后只有页表说了算。",
    ],
    versions: "3.10.6 及以前向量只有一页，之后是两页，用户因此读不到第二页。只由设备树描述的机器大多没有 map_io。",
    question: "为什么这一切必须在 map_lowmem 之后？",
    answer: "向量和页表所用的页由 memblock 从低端内存分配，并且立刻写入。",
  },
  kmap: {
    title: "kmap_init：通向高端内存的窗口",
    text: [
      "高端内存没有地址，内核需要一个窗口来查看其中的页。`kmap_init` 为 pkmap（PAGE_OFFSET 之下的 2 MiB，{pkmap}）分配页表。表是空的，调用 `kmap()` 时才写入 pte。新增 {tables} 个页表页。",
      "顶部的 fixmap 同样有一张页表，供编译时就确定地址的槽位使用。",
    ],
    versions: "只有 CONFIG_HIGHMEM 才有 pkmap。fixmap 自己的页表在 3.16 随 HIGHMEM 出现，3.19 起总是存在。",
    question: "那里最多能同时映射多少个高端内存页？",
    answer: "512 个：2 MiB，每页 4 KiB。用尽时 kmap() 会睡眠等待。",
  },
  bootmem: {
    title: "bootmem_init：内存区 (zone)",
    text: [
      "页表已经建成。`bootmem_init` 向 memblock 询问 RAM 从哪里开始、低端内存到哪里、RAM 到哪里结束，据此为页分配器划分内存区：{zones}。设备够不到更远时有 DMA，低端内存的其余部分是 Normal，之上是 HighMem。",
      "然后分配 `mem_map`：每个页帧一个 `struct page`，空洞也计算在内。临近 init 时，memblock 把每个空闲页交给页分配器，任务完成。",
    ],
    versions: "3.13 及以前这里建立 bootmem 位图。从 7.0 起 mem_map 在 paging_init 之外、更晚的时候建立。",
    question: "一块板子的两段内存分别在 0x10000000 和 0xf0000000，代价是什么？",
    answer: "对于平坦的 mem_map，中间空洞的每个页帧都要一个 struct page，从低端内存中分配。",
  },
  rodata: {
    title: "最后的权限",
    text: [
      "在 init 即将运行时，内核收回自身镜像不再需要的权限：`mark_rodata_ro` 把代码和常量设为只读，并取消其余部分的执行权限。{words} 个字改变；代码现在是 {rights}。",
      "这些页表的故事到此结束：以后只随模块、ioremap 和 vmalloc 的需要而变化。",
    ],
    versions: "3.19 为 CONFIG_ARM_KERNMEM_PERMS，4.7 至 4.10 为 CONFIG_DEBUG_RODATA，此后为 CONFIG_STRICT_KERNEL_RWX。更早的内核一直可写可执行。",
    question: "还有既可写又可执行的内存吗？在图中找一找。",
    answer: "有 STRICT_KERNEL_RWX 的内核不应该有；更早的内核整个低端内存都是。",
  },
};

"""Early console drivers: the name ``earlycon=`` takes, the compatible strings, the option that builds each in.

An early console with a register address costs a page of the early fixmap, which survives as a page table of its own:
that is why memory set-up cares.

Source: EARLYCON_DECLARE and OF_EARLYCON_DECLARE in drivers/tty/serial (v6.1), the Makefiles there.
"""

from __future__ import annotations

from typing import NamedTuple


class EarlyconDriver(NamedTuple):
    """One driver: its name, device tree compatible strings, and the options of which one must be set."""

    name: str
    compatible: tuple[str, ...]
    options: tuple[str, ...]


EARLYCON_DRIVERS = (
    EarlyconDriver("uart8250", (), ("SERIAL_8250_CONSOLE",)),
    EarlyconDriver("uart", ("nvidia,tegra20-uart", "snps,dw-apb-uart"), ("SERIAL_8250_CONSOLE",)),
    EarlyconDriver("ns16550a", ("ns16550a",), ("SERIAL_8250_CONSOLE",)),
    EarlyconDriver("ns16550", ("ns16550",), ("SERIAL_8250_CONSOLE",)),
    EarlyconDriver("omap8250", ("ti,omap2-uart", "ti,omap3-uart", "ti,omap4-uart"), ("SERIAL_8250_OMAP",)),
    EarlyconDriver("omapserial", ("ti,omap2-uart", "ti,omap3-uart", "ti,omap4-uart"), ("SERIAL_OMAP_CONSOLE",)),
    EarlyconDriver("bcm2835aux", ("brcm,bcm2835-aux-uart",), ("SERIAL_8250_BCM2835AUX",)),
    EarlyconDriver("mtk8250", ("mediatek,mt6577-uart",), ("SERIAL_8250_MT6577",)),
    EarlyconDriver("early_pxa", ("mrvl,pxa-uart",), ("SERIAL_8250_PXA",)),
    EarlyconDriver("uniphier", ("socionext,uniphier-uart",), ("SERIAL_8250_UNIPHIER",)),
    EarlyconDriver("pl011", ("arm,pl011", "arm,sbsa-uart"), ("SERIAL_AMBA_PL011_CONSOLE",)),
    EarlyconDriver("s3c2410", ("samsung,s3c2410-uart",), ("SERIAL_SAMSUNG_CONSOLE",)),
    EarlyconDriver("s3c2412", ("samsung,s3c2412-uart",), ("SERIAL_SAMSUNG_CONSOLE",)),
    EarlyconDriver("s3c2440", ("samsung,s3c2440-uart",), ("SERIAL_SAMSUNG_CONSOLE",)),
    EarlyconDriver("s3c6400", ("samsung,s3c6400-uart",), ("SERIAL_SAMSUNG_CONSOLE",)),
    EarlyconDriver("s5pv210", ("samsung,s5pv210-uart",), ("SERIAL_SAMSUNG_CONSOLE",)),
    EarlyconDriver("exynos4210", ("samsung,exynos4210-uart",), ("SERIAL_SAMSUNG_CONSOLE",)),
    EarlyconDriver("bcm63xx_uart", ("brcm,bcm6345-uart",), ("SERIAL_BCM63XX_CONSOLE",)),
    EarlyconDriver("mps2", ("arm,mps2-uart",), ("SERIAL_MPS2_UART_CONSOLE",)),
    EarlyconDriver("owl", ("actions,owl-uart",), ("SERIAL_OWL_CONSOLE",)),
    EarlyconDriver("rda", ("rda,8810pl-uart",), ("SERIAL_RDA_CONSOLE",)),
    EarlyconDriver("uartlite", (), ("SERIAL_UARTLITE_CONSOLE",)),
    EarlyconDriver("uartlite_b", ("xlnx,opb-uartlite-1.00.b",), ("SERIAL_UARTLITE_CONSOLE",)),
    EarlyconDriver("uartlite_a", ("xlnx,xps-uartlite-1.00.a",), ("SERIAL_UARTLITE_CONSOLE",)),
    EarlyconDriver("msm_serial", ("qcom,msm-uart",), ("SERIAL_MSM_CONSOLE",)),
    EarlyconDriver("msm_serial_dm", ("qcom,msm-uartdm",), ("SERIAL_MSM_CONSOLE",)),
    EarlyconDriver("qcom_geni", ("qcom,geni-debug-uart",), ("SERIAL_QCOM_GENI_CONSOLE",)),
    EarlyconDriver("mlb_usio", ("socionext,milbeaut-usio-uart",), ("SERIAL_MILBEAUT_USIO_CONSOLE",)),
    EarlyconDriver("scif", ("renesas,scif",), ("SERIAL_SH_SCI_EARLYCON",)),
    EarlyconDriver("scifa", ("renesas,scifa",), ("SERIAL_SH_SCI_EARLYCON",)),
    EarlyconDriver("scifb", ("renesas,scifb",), ("SERIAL_SH_SCI_EARLYCON",)),
    EarlyconDriver("hscif", ("renesas,hscif",), ("SERIAL_SH_SCI_EARLYCON",)),
    EarlyconDriver("lpuart", ("fsl,vf610-lpuart",), ("SERIAL_FSL_LPUART_CONSOLE",)),
    EarlyconDriver("lpuart32", ("fsl,ls1021a-lpuart", "fsl,imx7ulp-lpuart"), ("SERIAL_FSL_LPUART_CONSOLE",)),
    EarlyconDriver("cdns", ("xlnx,xuartps", "cdns,uart-r1p8", "cdns,uart-r1p12"), ("SERIAL_XILINX_PS_UART_CONSOLE",)),
    EarlyconDriver("atmel_serial", ("atmel,at91rm9200-usart", "atmel,at91sam9260-usart"), ("SERIAL_ATMEL_CONSOLE",)),
    EarlyconDriver("ec_imx6q", ("fsl,imx6q-uart",), ("SERIAL_IMX_EARLYCON",)),
    EarlyconDriver("ec_imx21", ("fsl,imx21-uart",), ("SERIAL_IMX_EARLYCON",)),
    EarlyconDriver("meson", ("amlogic,meson-ao-uart",), ("SERIAL_MESON_CONSOLE",)),
    EarlyconDriver("stm32", ("st,stm32h7-uart", "st,stm32f7-uart", "st,stm32-uart"), ("SERIAL_STM32_CONSOLE",)),
    EarlyconDriver("ar3700_uart", ("marvell,armada-3700-uart",), ("SERIAL_MVEBU_CONSOLE",)),
)
"""Matched in this order; a longer name must stand after a shorter one only where both need a comma behind."""
